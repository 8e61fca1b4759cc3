/**
 * What a packet worker's counters show.
 * @module
 */
import type { Evidence } from "../../model/fault.ts";
import type { Impairment } from "./impairment.ts";
import type { WorkerStats } from "./packetqueue/worker-stats.ts";

/** `stats` is null when the worker has ended. The fault landed when what it is about happened to a packet. */
export function queueEvidence(what: Impairment, stats: WorkerStats | null, ruleIsThere: boolean): Evidence {
  const effects = stats ? effectsOf(what, stats) : [];
  const measures = {
    packets: (what.delayMs > 0 && what.reorderPercent === 0 ? stats?.packets : stats?.seen) ?? 0,
    undelayed_packets: stats?.undelayed ?? 0,
    dropped_packets: stats?.dropped ?? 0,
    ...Object.fromEntries(effects.map(({ name, count }) => [name, count])),
    ...(stats?.mean_hold_ms == null
      ? {}
      : { mean_delay_ms: stats.mean_hold_ms, max_delay_ms: stats.max_hold_ms }),
  };
  const lost = (detail: string): Evidence => ({ landed: false, detail, measures });
  if (!stats) return lost("the packet worker has ended: packets pass untouched");
  if (!ruleIsThere) return lost("the rule that queues packets is gone");
  const { seen, packets, undelayed, dropped, mean_hold_ms: mean, max_hold_ms: max } = stats;
  const held = `held ${packets} packets for ${(mean ?? 0).toFixed(3)} ms on average, ${max.toFixed(3)} ms at most`;
  const did = [
    ...(what.delayMs > 0 ? [held] : [`saw ${seen} packets`]),
    ...effects.map(({ verb, count }) => `${verb} ${count}`),
  ];
  return {
    landed:
      what.delayMs > 0 && what.reorderPercent === 0 ? packets > 0 : effects.some(({ count }) => count > 0),
    detail: `nfqueue ${did.join(", ")}; ${undelayed} passed untouched, ${dropped} did not fit in the queue`,
    measures,
  };
}

function effectsOf(what: Impairment, stats: WorkerStats): { name: string; verb: string; count: number }[] {
  const all = [
    { share: what.lossPercent, name: "lost_packets", verb: "dropped", count: stats.lost },
    { share: what.duplicatePercent, name: "duplicated_packets", verb: "sent twice", count: stats.duplicated },
    {
      share: what.corruptPercent,
      name: "corrupted_packets",
      verb: "flipped a bit in",
      count: stats.corrupted,
    },
    { share: what.reorderPercent, name: "reordered_packets", verb: "sent ahead", count: stats.reordered },
  ];
  return all.filter(({ share }) => share > 0);
}

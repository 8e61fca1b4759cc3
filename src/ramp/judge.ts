/**
 * Judges what a load recorded: did the system hold, and if not, was it the system at all? Pure functions over seconds.
 * @module
 */
import type { SaturationLimits } from "../model/load.ts";
import type { StepVerdict } from "../model/ramp.ts";
import { type Breach, type Criteria, findBreach, sustained } from "./breach.ts";
import { offered, type Second, slipQuantileMs, total } from "./second.ts";

/** A breach with the generator this close to a whole core is no evidence against the system: it has one thread. */
const CPU_LIMIT = 0.95;

/** Why the arrivals were not those of the schedule, and how late they were; null when they were the schedule's. */
function generatorLimit(
  slipP99Ms: number,
  dropped: number,
  requests: number,
  limits: SaturationLimits,
): { why: string; lateMs: number } | null {
  if (dropped > limits.dropped_share * requests) {
    const why = `${dropped} requests were never sent, for want of connections or room in flight`;
    return { why, lateMs: Number.POSITIVE_INFINITY };
  }
  if (slipP99Ms > limits.slip_p99_ms) {
    const why = `requests left late: slip p99 ${slipP99Ms.toFixed(0)} ms, above ${limits.slip_p99_ms} ms`;
    return { why, lateMs: slipP99Ms };
  }
  return null;
}

const busy = (seconds: readonly Second[]): string | null => {
  const share = total(seconds, (each) => each.cpuShare) / Math.max(1, seconds.length);
  return share >= CPU_LIMIT ? `the generator used ${share.toFixed(2)} of one core` : null;
};

const limited = (why: string, at: number | null): StepVerdict => ({
  result: "generator_limited",
  why,
  breach_at_s: at,
});
const broke = ({ result, why, at }: Breach): StepVerdict => ({ result, why, breach_at_s: at });
const OK: StepVerdict = { result: "ok", why: "", breach_at_s: null };

/**
 * Where the generator was late, the step counts as the system's breach only when the lateness cannot explain it: on a
 * machine that both share, a system that takes every core delays the generator too.
 * @param slipP99Ms of the seconds together.
 */
export function judgeStep(seconds: readonly Second[], slipP99Ms: number, criteria: Criteria): StepVerdict {
  const dropped = total(seconds, (each) => each.dropped);
  const limit = generatorLimit(slipP99Ms, dropped, offered(seconds), criteria.limits);
  const late = limit === null ? [] : seconds.map(() => limit.lateMs);
  const breach = findBreach(seconds, criteria, late);
  if (!breach) return limit === null ? OK : limited(limit.why, null);
  const full = busy(seconds);
  return full === null ? broke(breach) : limited(full, breach.at);
}

/**
 * Judges a ramp that never stops: the rate at the second in which the first sustained breach begins. Where the
 * generator explains what was out before, or all there was, that is its own limit.
 */
export function judgeRamp(seconds: readonly Second[], criteria: Criteria): StepVerdict {
  const { sustainS, limits } = criteria;
  const late = seconds.map((each) => {
    return generatorLimit(slipQuantileMs([each], 0.99), each.dropped, offered([each]), limits)?.lateMs ?? 0;
  });
  const seen = findBreach(seconds, criteria);
  const firm = findBreach(seconds, criteria, late);
  const limitedAt = sustained(
    late.map((each) => each > 0),
    sustainS,
  );
  const from = (at: number): string => `${seconds[at]?.rate.toFixed(0)} rps`;
  const own = (at: number): StepVerdict =>
    limited(`from ${from(at)} on requests left late or were never sent`, at);
  if (firm === null) {
    const at = seen?.at ?? limitedAt;
    return at === null ? OK : own(at);
  }
  if (seen !== null && seen.at + sustainS < firm.at) return own(seen.at);
  const full = busy(seconds.slice(firm.at, firm.at + sustainS));
  return full === null ? broke(firm) : limited(full, firm.at);
}

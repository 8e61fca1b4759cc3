/**
 * Whether saved results are parts of one load, and the whole they make.
 * @module
 */
import type { JudgedSummary, LoadSummary, MergedSummary } from "../model/load.ts";
import { durationOf } from "./arrivals.ts";
import { mergeSummaries } from "./merge.ts";
import { WHOLE } from "./run.ts";
import { showShard } from "./shard.ts";
import { showStages } from "./stages.ts";

/** What one shard left behind. */
export interface Saved {
  /** The file's, for messages. */
  name: string;
  form: "summary" | "stream";
  summary: LoadSummary;
}

/** What all shards of a load have in common, in words. */
const COMMON: Readonly<Record<string, (summary: LoadSummary) => string>> = {
  seed: ({ seed }) => String(seed),
  stages: ({ stages }) => showStages(stages),
  arrivals: ({ arrivals }) => arrivals,
  targets: ({ targets }) => targets.join(", "),
  operations: ({ operation_names }) => operation_names.join(", "),
  limits: ({ limits }) => `slip ${limits.slip_p99_ms} ms and drops ${limits.dropped_share}`,
  "number of shards": ({ shard }) => String(shard.of),
};

function spreadOf(parts: readonly Saved[]): number {
  const starts = parts.map(({ summary }) => summary.t_start);
  return Math.max(...starts) - Math.min(...starts);
}

/** Why these are not the parts of one load, on one line; null when they are. */
export function whyNotTogether(parts: readonly Saved[], maxSpreadMs: number): string | null {
  const [first, ...others] = parts;
  if (!first) return "nothing to merge";
  for (const other of others) {
    if (first.form !== other.form)
      return `${first.name} is a ${first.form} and ${other.name} a ${other.form}: give only one kind`;
    for (const [what, show] of Object.entries(COMMON)) {
      const [one, two] = [show(first.summary), show(other.summary)];
      if (one !== two) return `not one load: ${what} of ${first.name}: ${one}; of ${other.name}: ${two}`;
    }
  }
  const owners = new Map<number, string>();
  for (const { name, summary } of parts) {
    const owner = owners.get(summary.shard.index);
    if (owner !== undefined) return `shard ${showShard(summary.shard)} twice: ${owner} and ${name}`;
    owners.set(summary.shard.index, name);
  }
  const spread = spreadOf(parts);
  if (spread > maxSpreadMs) return `the starts are ${spread} ms apart, more than ${maxSpreadMs} ms`;
  return null;
}

/** The whole of parts that belong together. */
export function together(parts: readonly Saved[]): MergedSummary {
  const byShard = parts.map(({ summary }) => summary).sort((a, b) => a.shard.index - b.shard.index);
  const cutShort = byShard.filter(({ duration_s, stages }) => duration_s < durationOf(stages) - 0.001);
  const indexes = (summaries: readonly LoadSummary[]): number[] => summaries.map(({ shard }) => shard.index);
  // A shard's thresholds were judged on its own part.
  const { thresholds: _, ...merged } = mergeSummaries(byShard, WHOLE) as Partial<JudgedSummary> & LoadSummary;
  return {
    ...merged,
    merged: {
      shards: indexes(byShard),
      of: byShard[0]?.shard.of ?? 1,
      cut_short: indexes(cutShort),
      t_start_spread_ms: spreadOf(parts),
    },
  };
}

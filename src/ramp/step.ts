/** The figures of a step beside its verdict. @module */
import { latencyQuantile } from "../load/counts.ts";
import type { RampOperation, RampStep, StepVerdict } from "../model/ramp.ts";
import { countsIn, type Second, total } from "./second.ts";

const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

export function describeStep(
  repeat: number,
  seconds: readonly Second[],
  slipP99Ms: number,
  verdict: StepVerdict,
  timeoutMs: number,
): RampStep {
  const duration = Math.max(1, seconds.length);
  const names = [...new Set(seconds.flatMap((each) => Object.keys(each.operations)))];
  const all = countsIn(seconds, null);
  const operations = names.map((name): [string, RampOperation] => {
    const counts = countsIn(seconds, name);
    const p = (q: number): number | null => {
      const value = latencyQuantile(counts, q, timeoutMs);
      return value === null ? null : round(value, 3);
    };
    const error_share = round(1 - counts.good / Math.max(1, counts.requests), 6);
    return [name, { requests: counts.requests, error_share, p50_ms: p(0.5), p99_ms: p(0.99) }];
  });
  return {
    repeat,
    rate_rps: round(total(seconds, (each) => each.rate) / duration, 3),
    duration_s: seconds.length,
    offered_rps: round(all.requests / duration),
    sent_rps: round(total(seconds, (each) => each.sent) / duration),
    goodput_rps: round(total(seconds, (each) => each.completed) / duration),
    error_share: all.requests === 0 ? 0 : round(1 - all.good / all.requests, 6),
    operations: Object.fromEntries(operations.filter(([, { requests }]) => requests > 0)),
    slip_p99_ms: slipP99Ms,
    late: total(seconds, (each) => each.late),
    dropped: total(seconds, (each) => each.dropped),
    generator_cpu_share: round(total(seconds, (each) => each.cpuShare) / duration, 3),
    verdict,
  };
}

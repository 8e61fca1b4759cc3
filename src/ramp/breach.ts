/**
 * Since when a system did not hold: pure functions over seconds.
 * @module
 */
import type { SaturationLimits } from "../model/load.ts";
import { holds, measure, type Objective, showValue } from "./objective.ts";
import { countsIn, offered, type Second } from "./second.ts";

export interface Criteria {
  objectives: readonly Objective[];
  kneeShare: number;
  /** Seconds in a row that make a breach one that counts. */
  sustainS: number;
  timeoutMs: number;
  limits: SaturationLimits;
}

export interface Breach {
  result: "breached" | "knee";
  why: string;
  /** Index of the first bad second. */
  at: number;
}

/**
 * The start of the first run of bad seconds that counts: one as long as `sustainS`, or, where bad and good seconds
 * alternate and more than half of all are bad, the first bad one after which most are. Null when there is none.
 */
export function sustained(bad: readonly boolean[], sustainS: number): number | null {
  let run = 0;
  for (const [i, each] of bad.entries()) {
    run = each ? run + 1 : 0;
    if (run >= sustainS) return i - sustainS + 1;
  }
  const most = (from: number): boolean => {
    const rest = bad.slice(from, from + 2 * sustainS);
    return rest.length >= sustainS && rest.filter(Boolean).length > rest.length / 2;
  };
  const count = bad.filter(Boolean).length;
  if (count < sustainS || count <= bad.length / 2) return null;
  const first = bad.findIndex((each, i) => each && most(i));
  return first < 0 ? bad.indexOf(true) : first;
}

/**
 * The earliest sustained breach, of the objectives before the knee.
 * @param lateMs how late the generator was, per second: only what that cannot explain counts. Infinite: nothing counts.
 */
export function findBreach(
  seconds: readonly Second[],
  criteria: Criteria,
  lateMs: readonly number[] = [],
): Breach | null {
  const { objectives, sustainS, timeoutMs } = criteria;
  const breaches: Breach[] = [];
  for (const objective of objectives) {
    const isLatency = objective.metric.kind === "latency";
    const out = seconds.map((each, i) => {
      const late = lateMs[i] ?? 0;
      // Late requests wait for as long as they are late, and once more behind the burst that they leave in.
      const counts = countsIn([each], objective.operation);
      const isOut = !holds(objective, counts, timeoutMs, 2 * late);
      return isOut && (isLatency || late * 10 <= timeoutMs);
    });
    const at = sustained(out, sustainS);
    if (at === null) continue;
    const rest = countsIn(seconds.slice(at), objective.operation);
    const value = showValue(objective, measure(objective, rest, timeoutMs), timeoutMs);
    const count = out.filter(Boolean).length;
    breaches.push({
      result: "breached",
      why: `${objective.text} was ${value}, out for ${count} of ${seconds.length} s`,
      at,
    });
  }
  const knee = findKnee(seconds, criteria, lateMs);
  if (knee) breaches.push(knee);
  return breaches.sort((a, b) => a.at - b.at)[0] ?? null;
}

/**
 * The first run of seconds, as long as `sustainS` or longer, in each of which and in all of which goodput was below its
 * share of what was asked, and by more than chance explains: arrivals and completions differ by what is in flight,
 * which for Poisson arrivals varies by less than the square root of their number.
 */
function findKnee(
  seconds: readonly Second[],
  { kneeShare, sustainS }: Criteria,
  lateMs: readonly number[],
): Breach | null {
  let run = { length: 0, asked: 0, completed: 0 };
  for (const [i, { completed }] of seconds.entries()) {
    const asked = offered(seconds.slice(i, i + 1));
    const late = lateMs[i] ?? 0;
    // A tenth of the second in which they should have completed.
    if (completed >= kneeShare * asked || late * 10 > 1_000) {
      run = { length: 0, asked: 0, completed: 0 };
      continue;
    }
    run = { length: run.length + 1, asked: run.asked + asked, completed: run.completed + completed };
    if (run.length < sustainS || run.asked - run.completed <= 2 * Math.sqrt(run.asked)) continue;
    const percent = (value: number): string => `${Math.round(value * 100)} %`;
    const share = percent(run.completed / run.asked);
    const why = `goodput was ${share} of the offered load for ${run.length} s, below ${percent(kneeShare)}`;
    return { result: "knee", why, at: i - run.length + 1 };
  }
  return null;
}

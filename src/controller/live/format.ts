/** Values as the page shows them. Imported by the page's script. @module */
import type { Bound, FaultView } from "./wire.ts";

/** What is not known. */
export const NONE = "–";

/** E.g. `2.5 ms`, `150 ms`, `2.5 s`. */
export const showMs = (ms: number): string =>
  ms < 1_000 ? `${Number(ms.toFixed(1))} ms` : `${Number((ms / 1_000).toFixed(2))} s`;

/** A quantile that is known by its histogram's bucket: `≤ 250 ms`, `> 10 s`. */
export const showBound = (bound: Bound | null): string =>
  bound === null ? NONE : `${bound.over ? ">" : "≤"} ${showMs(bound.ms)}`;

/** @param share of 1. */
export const showPercent = (share: number | null): string =>
  share === null ? NONE : `${Number((share * 100).toFixed(share < 0.01 ? 2 : 1))} %`;

export const showRate = (perSecond: number | null): string =>
  perSecond === null ? NONE : `${perSecond < 10 ? Number(perSecond.toFixed(1)) : perSecond.toFixed(0)}/s`;

/** E.g. `delay_ms 200, jitter_ms 50`. */
export const showParams = (params: FaultView["params"]): string =>
  Object.entries(params)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(" ") : String(value)}`)
    .join(", ");

/** E.g. `in force for 12 s, ends in 48 s`. @param now the controller's clock. */
export function showTimes({ t_start, t_stop, lease }: FaultView, now: number): string {
  const seconds = (ms: number): string => `${Math.max(0, Math.round(ms / 1_000))} s`;
  if (t_stop !== null) return `lasted ${seconds(t_stop - t_start)}, ended ${seconds(now - t_stop)} ago`;
  const left = lease === null ? "until its owner ends it" : `ends in ${seconds(lease - now)}`;
  return `in force for ${seconds(now - t_start)}, ${left}`;
}

/**
 * A load as a terminal shows it while it runs: rates, each endpoint's latency and errors, and the last minute.
 * @module
 */
import { fit, type Line, type Size, type Style } from "../cli/block.ts";
import { isGood, OUTCOMES, type Outcome, type SaturationLimits, type Stage } from "../model/load.ts";
import { durationOf, rateAt } from "./arrivals.ts";
import { type Counts, countsOf, type Ended, type FollowedTick, latencyQuantile } from "./counts.ts";
import { ms, NOTABLE_SLIP_MS } from "./describe.ts";
import { Histogram } from "./histogram.ts";
import { isSaturated } from "./run.ts";

export interface LiveOptions {
  stages: readonly Stage[];
  operations: readonly string[];
  timeoutMs: number;
  limits: SaturationLimits;
}

/** Endpoints' numbers are of the last few seconds: of one alone a p99.9 says little. */
const RECENT_S = 5;
/** Seconds in the curves. */
const CURVE_S = 60;
const BARS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const WIDEST_BAR = 40;

export class LiveView {
  readonly #options: LiveOptions;
  /** The last ticks' deltas. */
  #recent: (readonly Ended[])[] = [];
  #p99: (number | null)[] = [];
  #errors: (number | null)[] = [];
  readonly #slip = new Histogram();
  #dropped = 0;
  #last: FollowedTick | null = null;
  #sentNow = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  tick(tick: FollowedTick): void {
    this.#sentNow = tick.sent - (this.#last?.sent ?? 0);
    this.#last = tick;
    this.#slip.addSparse(tick.slip);
    for (const { outcomes } of tick.deltas) this.#dropped += outcomes.dropped ?? 0;
    const ended = countsOf(tick.deltas, null);
    this.#recent = [...this.#recent, tick.deltas].slice(-RECENT_S);
    this.#p99 = [...this.#p99, latencyQuantile(ended, 0.99, this.#options.timeoutMs)].slice(-CURVE_S);
    this.#errors = [...this.#errors, ended.requests - ended.good].slice(-CURVE_S);
  }

  /** What there is to see after the last tick; as many endpoints as there is room for. */
  lines(size: Size): Line[] {
    const tick = this.#last;
    if (tick === null) return [];
    const width = size.columns - 1;
    const head = [this.#rates(tick), this.#timeLeft(tick, width)];
    const tail = [...this.#curves(width), ...this.#warnings(tick)];
    const room = size.rows - 1 - head.length - tail.length;
    return [...head, ...this.#endpoints(width, room), ...tail];
  }

  #rates({ tick, in_flight, deltas }: FollowedTick): Line {
    const asked = Math.round(rateAt(this.#options.stages, tick - 0.5));
    const done = countsOf(deltas, null).requests;
    const text = `${asked} rps asked  ${this.#sentNow} sent  ${done} done  ${in_flight} in flight`;
    return { text, style: "bold" };
  }

  #timeLeft({ tick, in_flight }: FollowedTick, width: number): Line {
    const whole = durationOf(this.#options.stages);
    const left = whole - tick;
    if (left <= 0) return { text: `${tick} s  all sent, waiting for ${in_flight} on their way` };
    const [before, after] = [`${tick} s  `, `  ${Math.ceil(left)} s left`];
    const room = Math.max(1, Math.min(WIDEST_BAR, width - before.length - after.length - 2));
    const done = Math.min(room, Math.floor((tick / whole) * room));
    return { text: `${before}[${"#".repeat(done)}${"-".repeat(room - done)}]${after}` };
  }

  /** At most `room` lines, the heading among them. */
  #endpoints(width: number, room: number): Line[] {
    const { operations } = this.#options;
    const shown = operations.length < room ? operations : operations.slice(0, Math.max(1, room - 2));
    const rows = shown.map((operation) => this.#endpoint(operation));
    const longest = Math.max(8, ...shown.map((operation) => Bun.stringWidth(operation)));
    // Numbers take 36 columns; of what remains names get about half, errors the rest.
    const column = Math.min(longest, Math.max(8, Math.floor((width - 36) * 0.55)));
    const line = (name: string, numbers: readonly string[], errors: string, style?: Style): Line => {
      const cut = fit(name, column);
      const padding = " ".repeat(column - Bun.stringWidth(cut));
      const text = `${cut}${padding}${numbers.map((each, i) => each.padStart(i === 3 ? 10 : 8)).join("")}  ${errors}`;
      return { text: text.trimEnd(), ...(style && { style }) };
    };
    const lines = [line(`last ${RECENT_S} s`, ["rps", "p50", "p99", "p99.9 ms"], "errors", "dim")];
    for (const { name, numbers, errors } of rows)
      lines.push(line(name, numbers, errors, errors ? "red" : undefined));
    if (shown.length < operations.length)
      lines.push({ text: `and ${operations.length - shown.length} more`, style: "dim" });
    return lines;
  }

  #endpoint(name: string): { name: string; numbers: string[]; errors: string } {
    const deltas = this.#recent.flat();
    const counts = countsOf(deltas, name);
    const rps = Math.round(counts.requests / Math.max(1, this.#recent.length));
    const quantiles = [0.5, 0.99, 0.999].map((q) => this.#quantile(counts, q));
    return { name, numbers: [String(rps), ...quantiles], errors: errorsInWords(deltas, name) };
  }

  #quantile(counts: Counts, q: number): string {
    const { timeoutMs } = this.#options;
    const value = latencyQuantile(counts, q, timeoutMs);
    if (value === null) return "-";
    return value >= timeoutMs ? `>=${ms(timeoutMs)}` : ms(value);
  }

  #curves(width: number): Line[] {
    const worst = Math.max(0, ...this.#p99.map((value) => value ?? 0));
    const most = Math.max(0, ...this.#errors.map((value) => value ?? 0));
    const curve = (label: string, values: readonly (number | null)[], most: string): string =>
      `${label} ${sparkline(values.slice(-Math.max(1, width - label.length - most.length - 3)))}  ${most}`;
    return [
      { text: curve("p99   ", this.#p99, `at most ${ms(worst)} ms`), style: "cyan" },
      {
        text: curve("errors", this.#errors, `at most ${most}/s`),
        ...(most > 0 && { style: "red" as const }),
      },
    ];
  }

  #warnings({ due, slip_max_ms }: FollowedTick): Line[] {
    const { limits } = this.#options;
    const p99 = this.#slip.quantile(0.99) / 1_000;
    const lines: Line[] = [];
    if (isSaturated(p99, this.#dropped, due, limits)) {
      const text = `generator saturated: slip p99 ${ms(p99)} ms, ${this.#dropped} dropped`;
      lines.push({ text, style: "yellow" });
    }
    if (slip_max_ms >= NOTABLE_SLIP_MS)
      lines.push({ text: `slip ${ms(slip_max_ms)} ms: requests leave late`, style: "yellow" });
    return lines;
  }
}

/** E.g. `5xx 3, timeout 2`; empty when all ended well. */
function errorsInWords(deltas: readonly Ended[], operation: string): string {
  const sums = new Map<Outcome, number>();
  for (const delta of deltas) {
    if (delta.operation !== operation) continue;
    for (const outcome of OUTCOMES) {
      const n = delta.outcomes[outcome] ?? 0;
      if (n > 0 && !isGood(outcome)) sums.set(outcome, (sums.get(outcome) ?? 0) + n);
    }
  }
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, n]) => `${outcome} ${n}`)
    .join(", ");
}

/** One bar per value, the highest for the largest; the lowest only for 0, a gap for null. */
export function sparkline(values: readonly (number | null)[]): string {
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  return values
    .map((value) => {
      if (value === null) return " ";
      return BARS[value > 0 ? Math.max(1, Math.ceil((value / most) * (BARS.length - 1))) : 0];
    })
    .join("");
}

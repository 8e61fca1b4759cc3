/**
 * Pauses of the garbage collector, as the engine's log has them.
 *
 * A collection is logged in one line or several, of which the first names its kind: `[GC<0x2ef>: START M 8858kb =>
 * EdenCollection, ... p=1.33ms (max 1.33)...]`, `[GC<0x2ef>: M ... p=1.36ms ..., cycle 4.28ms END]`. Each `p=` is a
 * stretch for which the program stood still.
 * @module
 */
import { Counter, Histogram, type Registry } from "prom-client";
import { interceptStderr } from "./stderr.ts";

/** `eden`: of what is young. `full`: of all. */
export type GcKind = "eden" | "full";

const BEGUN = /^\[GC<[^>]*>: START .*=> (Eden|Full)Collection/;
const LINE = /^(\[GC<|Requesting GC |GC END!)/;
const PAUSE = /\bp=(\d+(?:\.\d+)?)ms/g;
const PAUSE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export class GcLog {
  #kind: GcKind = "eden";

  /** @param onPause seconds of each pause. */
  constructor(
    private readonly onPause: (kind: GcKind, seconds: number) => void,
    private readonly onCollection: (kind: GcKind) => void,
  ) {}

  /** False when the line is not the collector's. */
  take(line: string): boolean {
    if (!LINE.test(line)) return false;
    const kind = BEGUN.exec(line)?.[1];
    if (kind !== undefined) {
      this.#kind = kind === "Full" ? "full" : "eden";
      this.onCollection(this.#kind);
    }
    for (const [, milliseconds] of line.matchAll(PAUSE))
      this.onPause(this.#kind, Number(milliseconds) / 1_000);
    return true;
  }
}

/** Whether the engine was started to log its collections: that cannot be asked of it later. */
export const logsGc = (): boolean => Number(process.env.BUN_JSC_logGC ?? 0) > 0;

/** Pauses and collections as metrics, read off the engine's log from now on. */
export function watchGc(registry: Registry): void {
  const registers = [registry];
  const pauses = new Histogram({
    name: "chaoslab_gc_pause_seconds",
    help: "Stretches for which the program stood still for the garbage collector.",
    labelNames: ["kind"],
    buckets: PAUSE_SECONDS,
    registers,
    // Read first, so that a scrape has what happened before it.
    collect: () => drain(),
  });
  const collections = new Counter({
    name: "chaoslab_gc_collections_total",
    help: "Garbage collections begun.",
    labelNames: ["kind"],
    registers,
  });
  for (const kind of ["eden", "full"] as const) {
    pauses.zero({ kind });
    collections.inc({ kind }, 0);
  }
  const log = new GcLog(
    (kind, seconds) => pauses.observe({ kind }, seconds),
    (kind) => collections.inc({ kind }),
  );
  const drain = interceptStderr((line) => log.take(line));
}

/**
 * Everyone who follows a load while it runs: the person at the terminal, the thresholds, the metrics.
 * @module
 */
import type { Progress } from "../cli/terminal.ts";
import type {
  JudgedSummary,
  LoadRecord,
  LoadSummary,
  SaturationLimits,
  Shard,
  Stage,
} from "../model/load.ts";
import { followed } from "./counts.ts";
import { createTickLine } from "./describe.ts";
import { LiveView } from "./live.ts";
import type { LoadMetrics } from "./metrics.ts";
import { ThresholdWatch } from "./threshold-watch.ts";
import type { LoadThreshold } from "./thresholds.ts";

/** When piped. Just below five ticks, so that a tick a little early is not held back until the next. */
const PLAIN_LINE_EVERY_MS = 4_900;

export interface FollowOptions {
  stages: readonly Stage[];
  shard: Shard;
  limits: SaturationLimits;
  timeoutMs: number;
  thresholds: readonly LoadThreshold[];
  metrics: LoadMetrics | null;
  progress: Progress;
  /** Called when a threshold's breach has lasted: nothing more is to be sent. */
  abort: () => void;
}

export class Followers {
  readonly #options: FollowOptions;
  readonly #watch: ThresholdWatch;
  readonly #tickLine: ReturnType<typeof createTickLine>;
  #view: LiveView | null = null;

  constructor(options: FollowOptions) {
    const { thresholds, stages, shard, timeoutMs } = options;
    this.#options = options;
    this.#watch = new ThresholdWatch(thresholds, stages, timeoutMs);
    this.#tickLine = createTickLine(stages, shard);
  }

  /** @param stopping the load is being stopped already: no threshold is tripped any more. */
  record(record: LoadRecord, stopping: boolean): void {
    const { progress, metrics, abort } = this.#options;
    if (record.kind === "start") this.#view = new LiveView({ ...this.#options, ...record });
    if (record.kind !== "tick") return;
    const tick = followed(record);
    metrics?.tick(tick);
    this.#view?.tick(tick);
    progress.show((size) => this.#view?.lines(size) ?? [], this.#tickLine(tick), PLAIN_LINE_EVERY_MS);
    if (stopping) return;
    for (const { threshold, breached_from_s } of this.#watch.tick(tick)) {
      abort();
      progress.say(
        `stopping: ${threshold} breached since ${breached_from_s} s; waiting for requests on their way`,
      );
    }
  }

  judge(summary: LoadSummary): JudgedSummary {
    return this.#watch.judge(summary);
  }
}

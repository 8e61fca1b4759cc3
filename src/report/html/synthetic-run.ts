/** Runs made up for tests of pages: several trials of one fault. @module */
import type { StoredRun } from "../../experiment/store.ts";
import { cascade, PHASES, payments200ms, trial, within } from "../../experiment/synthetic.ts";
import { judge } from "../../experiment/verdict.ts";
import { self } from "../../lab/process.ts";
import type { Mitigation } from "../../model/mitigations.ts";
import { type Drawing, drawingOf } from "./drawing.ts";

export interface MadeUp {
  name: string;
  /** Of a hundred checkouts per second, so many fail while the fault is there. Default: none. */
  failed?: number;
  /** And go on to fail for so many seconds. Default: 0. */
  recoverS?: number;
  mitigations?: Mitigation[];
}

/** A run called `run`, as it would have been read from its folder. */
export function runDocument(trials: readonly MadeUp[]): {
  run: StoredRun;
  drawings: Map<string, Drawing>;
} {
  const drawings = new Map<string, Drawing>();
  const hypotheses = trials.map(({ name }) => ({ ...payments200ms, name }));
  const verdicts = trials.map(({ failed = 0, recoverS = 0, mitigations = [], name }) => {
    const broken = [PHASES.fault[0], PHASES.fault[1] + recoverS] as const;
    const done = trial({
      hypothesis: { ...payments200ms, name },
      tenants: 3,
      shape: (second, operation) =>
        operation === "POST /orders" && within(second, broken) ? { failed } : {},
      more: [{ kind: "system", mitigations }],
    });
    drawings.set(name, drawingOf(done, name));
    return judge(done);
  });
  const environment = {
    ...{ chaoslab: "0", bun: "0", kernel: "0", distribution: "none", cpu: "none", cpus: 1, memory_mib: 1 },
    ...{ postgres: "none", redis: "none", cgroup: "none" },
  };
  const document: StoredRun["document"] = {
    ...{ run: "run", schedule: cascade.name, state: "complete", owner: self(), seed: 1, rate: 200 },
    ...{ started_at: "2026-11-26T10:00:00.000Z", ended_at: "2026-11-26T10:05:00.000Z", profile: "quick" },
    ...{ repeats: 1, folder: "run", environment, verdicts, stability: [] },
  };
  return { run: { folder: "run", document, schedule: { ...cascade, hypotheses }, source: "" }, drawings };
}

/** SLIs and SLOs of a suite: those of the lab's file, or defaults for each operation of its load. @module */
import type { LabFile } from "../model/lab-file.ts";
import type { SliDeclaration, Slo } from "../model/schedule.ts";
import type { Measure } from "../model/sli.ts";

export interface Operation {
  name: string;
  /** Share of the requests, relative to the other operations'. */
  weight: number;
}

/** To be tightened once there is a baseline. */
const DEFAULT_BOUNDS = {
  error_rate: { steady: "< 1 %", fault: "< 1 %" },
  p99: { steady: "< 500 ms", fault: "< 1 s" },
} as const satisfies Partial<Record<Measure, Slo>>;
const DEFAULT_MEASURES = ["error_rate", "p99"] as const;

/** Longest name of an SLI. */
const LONGEST = 40;

export class Objectives {
  /** Declared, by name, in order. */
  readonly slis = new Map<string, SliDeclaration>();
  readonly slos: ReadonlyMap<string, Slo>;
  /** No bound is anybody's: all are defaults. */
  readonly areDefaults: boolean;

  constructor({ slis = {}, slos }: Pick<LabFile, "slis" | "slos">, operations: readonly Operation[]) {
    for (const [name, declaration] of Object.entries(slis)) this.slis.set(name, declaration);
    this.areDefaults = slos === undefined;
    const defaults = (): [string, Slo][] =>
      operations.flatMap(({ name }) =>
        DEFAULT_MEASURES.map((measure): [string, Slo] => [this.sli(name, measure), DEFAULT_BOUNDS[measure]]),
      );
    this.slos = new Map(slos ? Object.entries(slos) : defaults());
  }

  /** The SLI of an operation; declared if need be. */
  sli(operation: string, measure: Measure): string {
    const found = this.#find(operation, measure);
    if (found !== null) return found;
    const name = this.#freeName(operation, measure);
    this.slis.set(name, { operation, measure });
    return name;
  }

  /** What a hypothesis about these operations is judged by: the measure of the first, or the nearest that has a bound. */
  about(operations: readonly Operation[], measure: Measure): { sli: string; bounds: Slo } | null {
    const bounded = [...this.slos].map(([sli, bounds]) => ({ sli, bounds, is: this.slis.get(sli) }));
    for (const { name } of operations) {
      const own = bounded.filter(({ is }) => is?.operation === name);
      const best = own.find(({ is }) => is?.measure === measure) ?? own[0];
      if (best) return best;
    }
    return bounded[0] ?? null;
  }

  #find(operation: string, measure: Measure): string | null {
    for (const [name, is] of this.slis) if (is.operation === operation && is.measure === measure) return name;
    return null;
  }

  #freeName(operation: string, measure: Measure): string {
    const words = operation
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^_+|_+$/g, "");
    const begin = /^[a-z]/.test(words) ? words : `op_${words}`;
    for (let n = 1; ; n++) {
      const end = `${n === 1 ? "" : `_${n}`}_${measure}`;
      const name = `${begin.slice(0, LONGEST - end.length).replace(/_+$/, "")}${end}`;
      if (!this.slis.has(name)) return name;
    }
  }
}

/** Which tenants left an SLI's bound while the fault was active. @module */
import { tenantName } from "../load/mix.ts";
import type { Load } from "../model/schedule.ts";
import { meets } from "../model/sli.ts";
import type { BlastRadius } from "../model/verdict.ts";
import { measureOf } from "./history.ts";
import type { Trial } from "./trial.ts";

/** Name of a load's tenant by its index. */
export const tenantNameOf = ({ scenario }: Load, tenant: number): string =>
  scenario?.tenants[tenant] ?? tenantName(tenant);

/**
 * Per SLI of the load's record that any tenant saw out of its bound; and the share of all tenants that saw any.
 * A tenant without a request in the window is not counted.
 */
export function blastRadius({
  schedule: { load },
  measurements: { history, timeoutMs },
  bounds,
  phases: { fault },
}: Trial): { slis: BlastRadius[]; tenants: number } {
  if (!fault) return { slis: [], tenants: 0 };
  const seen = new Set<number>();
  const hit = new Set<number>();
  const slis = bounds.flatMap(({ name, sli, fault: bound }): BlastRadius[] => {
    if (sli.source !== "load") return [];
    // A tenant's share of a rate says nothing about whether it is served.
    if (sli.measure === "goodput") return [];
    const values = [...history.tenants(sli.operation, ...fault)].map(([tenant, counts]) => ({
      tenant,
      value: measureOf(counts, sli.measure, fault[1] - fault[0], timeoutMs),
    }));
    for (const { tenant } of values) seen.add(tenant);
    const out = values.filter(({ value }) => !meets(value, bound));
    for (const { tenant } of out) hit.add(tenant);
    const upper = bound.comparison === "<" || bound.comparison === "<=";
    const [worst] = out.sort((a, b) => ((b.value ?? 0) - (a.value ?? 0)) * (upper ? 1 : -1));
    if (!worst) return [];
    return [
      {
        sli: name,
        endpoint: sli.operation,
        tenants: values.length,
        tenants_out: out.length,
        share: out.length / values.length,
        worst_tenant: tenantNameOf(load, worst.tenant),
        worst_value: worst.value,
      },
    ];
  });
  return { slis, tenants: seen.size === 0 ? 0 : hit.size / seen.size };
}

/** What a page shows of one trial beside its verdict; small, where the trial's record is many megabytes. @module */
import type { Trial } from "../../experiment/trial.ts";
import { curvesOf } from "./curves.ts";
import type { TrialCurves } from "./data.ts";
import { type TenantRow, tenantRows } from "./tenants.ts";

export interface Drawing {
  curves: TrialCurves;
  tenants: TenantRow[];
}

/** @param name of the trial's files. */
export const drawingOf = (trial: Trial, name: string): Drawing => ({
  curves: curvesOf(trial, name),
  tenants: tenantRows(trial),
});

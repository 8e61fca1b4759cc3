/** The blast radius by endpoint and tenant: each SLI as each tenant saw it while the fault was active. @module */

import { tenantNameOf } from "../../experiment/blast-radius.ts";
import { measureOf } from "../../experiment/history.ts";
import type { Trial } from "../../experiment/trial.ts";
import { meets, showBound, showSli, type Threshold, type Unit } from "../../model/sli.ts";
import { multipleOf } from "./distance.ts";
import { html, type Markup } from "./markup.ts";

/** One SLI of the load's record. */
export interface TenantRow {
  sli: string;
  endpoint: string;
  unit: Unit;
  bound: Threshold;
  /** By tenant index, rising; null: that tenant had no request then. */
  values: (number | null)[];
  /** Of the tenants, in the same order. */
  names: string[];
}

/** The SLIs that the verdict's blast radius is about; empty without a fault. */
export function tenantRows({ schedule, measurements, bounds, phases: { fault } }: Trial): TenantRow[] {
  if (!fault) return [];
  const { history, timeoutMs } = measurements;
  return bounds.flatMap(({ name, sli, fault: bound }): TenantRow[] => {
    if (sli.source !== "load" || sli.measure === "goodput") return [];
    const counts = history.tenants(sli.operation, ...fault);
    const last = Math.max(-1, ...counts.keys());
    const values = Array.from({ length: last + 1 }, (_, tenant) => {
      const own = counts.get(tenant);
      return own ? measureOf(own, sli.measure, fault[1] - fault[0], timeoutMs) : null;
    });
    const names = values.map((_, tenant) => tenantNameOf(schedule.load, tenant));
    return [{ sli: name, endpoint: sli.operation, unit: sli.unit, bound, values, names }];
  });
}

/** So many tenants stand side by side on a sheet of paper. */
const TENANTS_PER_TABLE = 20;
/** Of more, only those who felt it are shown, as far as there is room. */
const MOST_TENANTS = 100;
const SHORT_NAME = 8;

/** How far out a tenant is, as steps of one colour; the number stands in every cell besides. */
const STEPS = [
  { from: 1, name: "out", label: "out of its bound" },
  { from: 3, name: "out-3", label: "3 times its bound or more" },
  { from: 10, name: "out-10", label: "10 times or more" },
] as const;

export function tenantMatrix(rows: readonly TenantRow[], timeoutMs: number): Markup {
  const longest = rows.toSorted((a, b) => b.values.length - a.values.length)[0];
  const all = (longest?.values ?? []).map((_, tenant) => tenant);
  if (!longest || all.length === 0) return html``;
  const isOut = (tenant: number): boolean =>
    rows.some(({ values, bound }) => values[tenant] != null && !meets(values[tenant], bound));
  const felt = all.length > MOST_TENANTS ? all.filter(isOut) : all;
  const shown = felt.slice(0, MOST_TENANTS);
  const tables: Markup[] = [];
  for (let from = 0; from < shown.length; from += TENANTS_PER_TABLE) {
    tables.push(matrixTable(rows, shown.slice(from, from + TENANTS_PER_TABLE), longest.names, timeoutMs));
  }
  const note =
    all.length > MOST_TENANTS
      ? html`<p class="note">${felt.length} of ${all.length} tenants were out of a bound${felt.length > shown.length ? `; the first ${shown.length} are shown` : null}.</p>
`
      : null;
  const key = STEPS.map(({ name, label }) => html`<li><span class="swatch ${name}">!</span> ${label}</li>`);
  return html`${note}${tables}<ul class="key"><li><span class="swatch">0</span> in its bound</li>${key}</ul>
`;
}

function matrixTable(
  rows: readonly TenantRow[],
  indexes: readonly number[],
  names: readonly string[],
  timeoutMs: number,
): Markup {
  const head = indexes.map((tenant) => {
    const name = names[tenant] ?? "";
    const short = name.replace(/^tenant-/, "");
    return html`<th scope="col"><abbr title="${name}">${short.length > SHORT_NAME ? `${short.slice(0, SHORT_NAME - 1)}…` : short}</abbr></th>`;
  });
  const body = rows.map((row) => {
    const { endpoint, sli, unit, bound, values } = row;
    const name = html`${endpoint}<br>${sli}, ${unit === "share" ? "%" : unit}; bound ${showBound(bound, unit)}`;
    const cells = indexes.map((tenant) => cellOf(row, values[tenant] ?? null, timeoutMs));
    return html`<tr><th scope="row">${name}</th>${cells}</tr>
`;
  });
  return html`<div class="table"><table class="matrix">
<caption>blast radius: each SLI in the fault, by tenant</caption>
<thead><tr><th scope="col">endpoint, SLI</th>${head}</tr></thead>
<tbody>
${body}</tbody>
</table></div>
`;
}

function cellOf({ bound, unit }: TenantRow, value: number | null, timeoutMs: number): Markup {
  if (value === null) return html`<td class="number">-</td>`;
  const isOut = !meets(value, bound);
  const multiple = multipleOf(value, bound, unit);
  const step = isOut ? ` ${(STEPS.findLast((each) => multiple >= each.from) ?? STEPS[0]).name}` : "";
  return html`<td class="number${step}"><abbr title="${showSli(value, unit, timeoutMs)}">${short(value, unit, timeoutMs)}${isOut ? "!" : ""}</abbr></td>`;
}

/** Narrow enough for a matrix: percent and milliseconds without their unit, `5k+` for a timeout of 5 s. */
function short(value: number, unit: Unit, timeoutMs: number): string {
  if (unit === "share") {
    // Of a percent near 0 or 100 the second decimal counts.
    const percent = Number.parseFloat(showSli(value, unit));
    return String(percent >= 10 && percent <= 99 ? Math.round(percent * 10) / 10 : percent);
  }
  if (unit === "ms" && value >= timeoutMs) return `${Number((timeoutMs / 1_000).toFixed(1))}k+`;
  return value >= 1_000 ? `${(value / 1_000).toFixed(1)}k` : String(Math.round(value));
}

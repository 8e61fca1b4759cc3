/** The nodes as a table: what the drawing shows, and more, in words. @module */
import { NONE, showRate } from "../format.ts";
import type { LiveState } from "../state.ts";
import type { NodeView, PoolView } from "../wire.ts";
import { find, make, row } from "./dom.ts";
import { BREAKERS, stateOf } from "./topology.ts";

const table = find("nodes", HTMLElement);

export function paintNodes({ nodes }: LiveState): void {
  table.replaceChildren(...nodes.map(rowOf));
}

function rowOf(node: NodeView): HTMLTableRowElement {
  const { name, restarts, last_exit, metrics } = node;
  const { text, kind } = stateOf(node);
  const calls = metrics?.calls ?? [];
  const breakers = calls.flatMap(({ dependency, breaker }) =>
    breaker
      ? [
          make(
            "span",
            { class: `nowrap ${BREAKERS[breaker].kind}` },
            `${BREAKERS[breaker].shape} ${dependency} ${breaker}`,
          ),
          " ",
        ]
      : [],
  );
  const retries = calls.reduce<number | null>(
    (sum, { retries_per_s }) => (retries_per_s === null ? sum : (sum ?? 0) + retries_per_s),
    null,
  );
  return row(
    [
      make("span", { class: "nowrap" }, name),
      make("span", { class: `nowrap ${kind}` }, text),
      poolText(metrics?.pools ?? []),
      breakers.length > 0 ? make("span", {}, ...breakers) : NONE,
      showRate(retries),
      restarts > 0 && last_exit ? `${restarts} (${last_exit})` : String(restarts),
    ],
    [4, 5],
  );
}

/** The one that is nearest to its end. */
function poolText(pools: readonly PoolView[]): string {
  const pressure = ({ size, in_use, waiting }: PoolView): number => (in_use + waiting) / Math.max(1, size);
  const [busiest] = [...pools].sort((a, b) => pressure(b) - pressure(a));
  if (!busiest) return NONE;
  const { pool, size, in_use, waiting } = busiest;
  return `${pool} ${in_use} of ${size}${waiting > 0 ? `, ${waiting} waiting` : ""}`;
}

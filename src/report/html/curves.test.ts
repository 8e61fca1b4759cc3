import { expect, test } from "bun:test";
import { PHASES, records, scrape, trial, within } from "../../experiment/synthetic.ts";
import { curvesOf } from "./curves.ts";
import { tenantMatrix, tenantRows } from "./tenants.ts";

const END = PHASES.recovery[1];

test("a trial's curves have a value for each second, and its windows", () => {
  const curves = curvesOf(
    trial({
      shape: (second, operation) =>
        operation === "POST /orders" && within(second, PHASES.fault) ? { ms: 400, failed: 20 } : {},
    }),
    "name",
  );
  expect(curves).toMatchObject({ name: "name", seconds: END, ...PHASES, removed_s: 56.8, timeout_ms: 5_000 });
  expect(curves.faults).toEqual([{ label: "latency on payments", from: 26.5, to: 56.8 }]);
  const [reads, writes] = curves.endpoints;
  expect(reads?.name).toBe("GET /orders/{id}");
  expect([reads?.failed[30], writes?.failed[30], writes?.failed[60]]).toEqual([0, 20, 0]);
  expect(writes?.requests).toEqual(new Array(END).fill(100));
  expect(writes?.p50_ms[30]).toBeCloseTo(400, -1);
  // A fifth was never answered: the client's timeout.
  expect(writes?.p99_ms[30]).toBe(5_000);
  expect(writes?.p99_ms).toHaveLength(END);
  expect(writes?.percentiles.fault.at(-1)).toBe(5_000);
  expect(writes?.availability_bounds.map(({ steady }) => steady)).toEqual([0.999]);
});

test("pools stand by the second, fullest first, with gaps where nobody looked; idle ones are left out", () => {
  const pool = (name: string, inUse: number, waiting: number) => ({
    [`chaoslab_pool_size{pool="${name}"}`]: 10,
    [`chaoslab_pool_in_use{pool="${name}"}`]: inUse,
    [`chaoslab_pool_waiting{pool="${name}"}`]: waiting,
  });
  const more = [
    scrape(30, "api", { ...pool("idle", 0, 0), ...pool("a", 2, 0), ...pool("b", 10, 7) }),
    scrape(32, "api", pool("b", 3, 0)),
  ];
  const { pools } = curvesOf(trial({ more }), "name");
  expect(pools.map(({ name, size }) => [name, size])).toEqual([
    ["api b", 10],
    ["api a", 10],
  ]);
  expect(pools[0]?.in_use.slice(29, 34)).toEqual([null, 10, null, 3, null]);
  expect(pools[0]?.waiting[30]).toBe(7);
});

test("a trial that was cut off in its baseline has curves as far as it went", () => {
  const cut = trial({ events: [], phases: { fault: null, recovery: null } });
  const curves = curvesOf(cut, "name");
  expect(curves).toMatchObject({ seconds: 25, fault: null, recovery: null, removed_s: null, back_s: null });
  expect(curves.endpoints[0]?.percentiles).toMatchObject({ fault: [], recovery: [] });
  expect(tenantRows(cut)).toEqual([]);
});

test("five minutes of two endpoints take less than 200 kB", () => {
  const long = { baseline: [5, 65], fault: [65, 185], recovery: [185, 305] } as const;
  const text = JSON.stringify(curvesOf(trial({ phases: long, tenants: 2 }), "name"));
  expect(text.length).toBeLessThan(200_000);
  expect(records({ phases: long }).length).toBeGreaterThan(300);
});

test("the matrix has every tenant by each SLI, and marks who is out of a bound by more than colour", () => {
  const { measurements, ...rest } = trial({
    tenants: 23,
    shape: (second, operation, tenant) =>
      operation === "POST /orders" && within(second, PHASES.fault) && tenant === 2 ? { failed: 50 } : {},
  });
  const rows = tenantRows({ measurements, ...rest });
  expect(rows.map(({ sli }) => sli)).toEqual([
    "write_error_rate",
    "write_p99",
    "read_availability",
    "read_p99",
  ]);
  expect(rows[0]?.values).toHaveLength(23);
  expect(rows[0]?.values.map((value) => value === 0.5)).toEqual(
    Array.from({ length: 23 }, (_, i) => i === 2),
  );
  const { text } = tenantMatrix(rows, 5_000);
  expect(text).toContain('<td class="number out-10"><abbr title="50.00 %">50!</abbr></td>');
  expect(text).toContain('<abbr title="&gt;= 5000 ms">5k+!</abbr>');
  // So many tenants do not stand side by side on paper.
  expect(text.match(/<table/g)).toHaveLength(2);
  expect(tenantMatrix([], 5_000).text).toBe("");
});

import { describe, expect, test } from "bun:test";
import type { LeaseSample } from "../../model/integrity.ts";
import { parseExposition } from "../../observe/exposition.ts";
import { doubleHolders, leaseSample } from "./leases.ts";

const sample = (t: number, node: string, token: number, held = true): LeaseSample => ({
  t,
  node,
  held,
  token,
});
const A = (t: number, token = 1, held = true) => sample(t, "a", token, held);
const B = (t: number, token = 2, held = true) => sample(t, "b", token, held);

describe("two holders are certain", () => {
  test("when one held by one token before and after the other held", () => {
    expect(doubleHolders([A(0), B(500), A(1_000)])).toEqual([
      { node: "a", token: 1, other: "b", otherToken: 2 },
    ]);
  });

  test("in whatever order the samples come, and each pair once", () => {
    const samples = [A(3_000), B(500), A(1_000), A(0), B(1_500), A(2_000), B(2_500)];
    expect(doubleHolders(samples)).toHaveLength(1);
  });

  test("with each token anew", () => {
    expect(doubleHolders([A(0), B(1), A(2), A(3, 7), B(4, 8), A(5, 7)])).toHaveLength(2);
  });

  test("when the other was asked after the first answer, and answered before the second question", () => {
    const between = { ...B(500), asked: 100 };
    expect(doubleHolders([A(50), between, { ...A(1_000), asked: 900 }])).toHaveLength(1);
    expect(doubleHolders([A(150), between, { ...A(1_000), asked: 900 }])).toEqual([]);
    expect(doubleHolders([A(50), between, { ...A(1_000), asked: 400 }])).toEqual([]);
  });
});

describe("nothing is certain", () => {
  test.each<[string, LeaseSample[]]>([
    ["when the lease moved on", [A(0), A(1_000), B(1_500), B(2_500)]],
    ["when it was lost and won again in between", [A(0, 1), B(500, 2), A(1_000, 3)]],
    ["when a sample in between says that it was lost", [A(0), A(400, 1, false), B(500), A(1_000)]],
    ["when the other does not hold", [A(0), B(500, 2, false), A(1_000)]],
    ["at the very instant of a sample", [A(500), B(500), A(1_000), B(1_000)]],
    ["from one sample each", [A(0), B(1)]],
    ["from none", []],
  ])("%s", (_, samples) => {
    expect(doubleHolders(samples)).toEqual([]);
  });
});

test("an hour of samples takes less than 100 ms", () => {
  const samples = Array.from({ length: 3_600 }, (_, s) => [A(s * 1_000), B(s * 1_000 + 1, 2, false)]).flat();
  samples.push(B(3_599_500, 3));
  samples.push(A(3_600_000));
  const started = performance.now();
  expect(doubleHolders(samples)).toHaveLength(1);
  expect(performance.now() - started).toBeLessThan(100);
});

test("the lease is read out of a node's metrics", () => {
  const exposition = `# TYPE chaoslab_lease_held gauge
chaoslab_lease_held{lease="other",node="orders-1"} 0
chaoslab_lease_held{lease="reconciler",node="orders-1"} 1
chaoslab_lease_token{lease="reconciler",node="orders-1"} 17
`;
  const when = { node: "orders-1", asked: 1, t: 2 };
  expect(leaseSample(parseExposition(exposition), when)).toEqual({ ...when, held: true, token: 17 });
  expect(leaseSample(parseExposition(exposition.replace("} 1\n", "} 0\n")), when)?.held).toBe(false);
  expect(leaseSample(parseExposition("chaoslab_pool_size 4\n"), when)).toBeNull();
});

import { expect, test } from "bun:test";
import { keptOf } from "./sampler.ts";
import { readServerSli } from "./server-sli.ts";

const EXPOSITION = `# TYPE chaoslab_pool_size gauge
chaoslab_pool_size{pool="workers",node="orders-1"} 16
chaoslab_lease_held{node="orders-1",lease="reconciler"} 1
process_resident_memory_bytes{node="orders-1"} 61000000
chaoslab_heap_bytes{node="orders-1"} NaN
chaoslab_gc_seconds_bucket{node="orders-1",le="+Inf"} 7
`;

test("a run keeps the families that verdicts look at, without the node's own label", () => {
  expect(Object.fromEntries(keptOf(EXPOSITION, []))).toEqual({
    'chaoslab_pool_size{pool="workers"}': 16,
    'chaoslab_lease_held{lease="reconciler"}': 1,
  });
});

test("and those that a declared SLI needs, but for what is no number", () => {
  const declared = ["process_resident_memory_bytes", "chaoslab_heap_bytes"].map((metric) =>
    readServerSli({ metric, value: "gauge", across: "sum" }),
  );
  const kept = keptOf(EXPOSITION, declared);
  expect(kept.get("process_resident_memory_bytes")).toBe(61_000_000);
  expect(kept.has("chaoslab_heap_bytes")).toBeFalse();
});

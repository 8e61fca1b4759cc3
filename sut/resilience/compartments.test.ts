import { expect, test } from "bun:test";
import { Metrics } from "../common/metrics.ts";
import { NoSlotError } from "../common/pool.ts";
import { Compartments } from "./compartments.ts";
import { Mitigations } from "./mitigations.ts";

const never = () => new Promise<string>(() => {});

test("in one pool, writes that hang starve reads; apart, they do not", async () => {
  const mitigations = new Mitigations();
  const workers = new Compartments("workers", 4, new Metrics("test"), mitigations);
  for (let i = 0; i < 8; i++) void workers.run("write", never);
  const starved = workers.run("read", () => "read", AbortSignal.timeout(50));
  await expect(starved).rejects.toMatchObject({ pool: "workers", reason: "timeout" });
  mitigations.set(["bulkhead"]);
  for (let i = 0; i < 8; i++) void workers.run("write", never);
  expect(await workers.run("read", () => "read", AbortSignal.timeout(50))).toBe("read");
});

test("apart, as many as there are slots may wait for one, and the next is refused at once", async () => {
  const workers = new Compartments("workers", 2, new Metrics("test"), new Mitigations(["bulkhead"]));
  for (let i = 0; i < 6 + 2; i++) void workers.run("write", never);
  await expect(workers.run("write", never)).rejects.toThrow(NoSlotError);
});

import { describe, expect, test } from "bun:test";
import { Metrics } from "../common/metrics.ts";
import { Limiter, type Listener, OverloadedError } from "./limiter.ts";
import { Mitigations } from "./mitigations.ts";
import { Resilience } from "./resilience.ts";

const BOUNDS = { initial: 100, min: 20, max: 400 };

describe("Limiter", () => {
  test("writes are refused from seven tenths of the limit on, reads from the limit on", () => {
    const limiter = new Limiter("orders", BOUNDS);
    const admitted: Listener[] = [];
    const admit = (priority: "read" | "write", count: number) => {
      for (let i = 0; i < count; i++) {
        const listener = limiter.acquire(priority);
        if (listener) admitted.push(listener);
      }
      return admitted.length;
    };
    expect(admit("write", 200)).toBe(70);
    expect(admit("read", 200)).toBe(100);
    expect(limiter.inFlight).toBe(100);
    admitted.pop()?.onIgnore();
    expect(limiter.acquire("write")).toBeNull();
    expect(limiter.acquire("read")).not.toBeNull();
  });

  test("the limit follows the latency of what it admits", () => {
    let now = 0;
    const limiter = new Limiter("orders", BOUNDS, () => now);
    /** Windows of full batches that take this long. */
    const load = (latencyMs: number, windows: number) => {
      for (const end = now + windows * 250; now < end; ) {
        const batch = Array.from({ length: limiter.limit }, () => limiter.acquire("read"));
        now += latencyMs;
        for (const listener of batch) listener?.onSuccess();
      }
    };
    load(10, 20);
    const calm = limiter.limit;
    expect(calm).toBeGreaterThan(100);
    load(100, 10);
    expect(limiter.limit).toBeLessThan(calm / 2);
    expect(limiter.inFlight).toBe(0);
  });
});

describe("a short wait for room", () => {
  test("reads are let in before writes, as room is made", async () => {
    const limiter = new Limiter("orders", BOUNDS);
    const running = Array.from({ length: 100 }, () => limiter.acquire("read"));
    const order: string[] = [];
    const wait = async (priority: "read" | "write") => {
      if (await limiter.acquireSoon(priority)) order.push(priority);
    };
    const waiting = [wait("write"), wait("read"), wait("read")];
    for (const listener of running) listener?.onIgnore();
    await Promise.all(waiting);
    expect(order).toEqual(["read", "read", "write"]);
    expect(limiter.inFlight).toBe(3);
  });

  test("without room it ends soon, and leaves nobody in the line", async () => {
    const limiter = new Limiter("orders", BOUNDS);
    const running = Array.from({ length: 100 }, () => limiter.acquire("read"));
    const startedMs = performance.now();
    expect(await limiter.acquireSoon("read")).toBeNull();
    expect(performance.now() - startedMs).toBeWithin(200, 700);
    for (const listener of running) listener?.onIgnore();
    expect(limiter.inFlight).toBe(0);
    expect(await limiter.acquireSoon("write")).not.toBeNull();
  });
});

describe("admission", () => {
  const work = () => Promise.withResolvers<string>();

  test("without the mitigation everything is admitted", async () => {
    const resilience = new Resilience(new Mitigations(), new Metrics("test"));
    const limiter = resilience.limiter("orders");
    const all = Array.from({ length: 500 }, () => resilience.admitted(limiter, "write", async () => "done"));
    expect(await Promise.all(all)).toEqual(Array(500).fill("done"));
  });

  test("with it, what is too much is soon refused and counted, and what ends makes room, however it ends", async () => {
    const metrics = new Metrics("test");
    const resilience = new Resilience(new Mitigations(["shedding"]), metrics);
    const limiter = resilience.limiter("orders");
    const gate = work();
    const running = Array.from({ length: 140 }, () =>
      resilience.admitted(limiter, "write", () => gate.promise),
    );
    await expect(resilience.admitted(limiter, "write", async () => "no")).rejects.toBeInstanceOf(
      OverloadedError,
    );
    expect(await resilience.admitted(limiter, "read", async () => "yes")).toBe("yes");
    const shed = await metrics.registry.getSingleMetric("chaoslab_shed_total")?.get();
    expect(shed?.values).toEqual([
      expect.objectContaining({ labels: { limiter: "orders", priority: "write" }, value: 1 }),
    ]);
    gate.reject(new Error("down"));
    await Promise.allSettled(running);
    expect(limiter.inFlight).toBe(0);
    expect(await resilience.admitted(limiter, "write", async () => "again")).toBe("again");
  });
});

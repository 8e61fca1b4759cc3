import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { Elysia } from "elysia";
import { request } from "../common/http-client.ts";
import { observed } from "../common/http-server.ts";
import { Log } from "../common/log.ts";
import { Metrics } from "../common/metrics.ts";
import { Deadline } from "./deadline.ts";
import { Guard, type GuardOptions } from "./guard.ts";
import { type Mitigation, Mitigations } from "./mitigations.ts";
import { Resilience } from "./resilience.ts";

const OPTIONS = { dependency: "payments", attempts: 3, timeoutMs: 100, slots: 4 };

describe("a guard before a real server", () => {
  let served = 0;
  let answer: () => Response | Promise<Response> = () => new Response("ok");
  let gone = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ signal }) => {
      served++;
      signal.addEventListener("abort", () => gone++);
      return answer();
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  beforeAll(() => fetch(url));
  beforeEach(() => {
    served = 0;
    gone = 0;
    answer = () => new Response("ok");
  });
  afterAll(() => server.stop(true));

  const ok = () => new Response("ok");
  const fails = () => new Response("no", { status: 500 });
  const hangs = () => new Promise<Response>(() => {});

  function guardWith(on: readonly Mitigation[], options: Partial<GuardOptions> = {}) {
    const metrics = new Metrics("test");
    const mitigations = new Mitigations(on);
    const guard = new Guard(new Resilience(mitigations, metrics), { ...OPTIONS, ...options });
    return {
      mitigations,
      call: (deadline: Deadline | null = null, at = url) =>
        guard
          .run((signal) => request(metrics, "payments", at, { signal }), deadline)
          .then(
            () => "ok",
            (error: { outcome?: string }) => error.outcome ?? String(error),
          ),
      value: async (name: string) =>
        (await metrics.registry.getSingleMetric(name)?.get())?.values.reduce(
          (sum, each) => sum + each.value,
          0,
        ),
    };
  }

  test("without mitigations a call is tried three times at once, and nothing ends it", async () => {
    answer = fails;
    const { call, value } = guardWith([]);
    expect(await call()).toBe("error");
    expect(served).toBe(3);
    expect(await value("chaoslab_dependency_calls_total")).toBe(1);
    expect(await value("chaoslab_dependency_attempts_total")).toBe(3);
    expect(await value("chaoslab_retries_total")).toBe(2);
    answer = () => Bun.sleep(300).then(ok);
    expect(await call()).toBe("ok");
  });

  test("timeout: an attempt ends in time, and the other side is let go", async () => {
    answer = hangs;
    const { call, value } = guardWith(["timeout"], { attempts: 1 });
    const startedMs = performance.now();
    expect(await call()).toBe("timeout");
    expect(performance.now() - startedMs).toBeWithin(90, 500);
    expect(await value("chaoslab_timeouts_total")).toBe(1);
    for (const end = performance.now() + 2_000; gone === 0 && performance.now() < end; ) await Bun.sleep(5);
    expect(gone).toBe(1);
  });

  test("timeout: the request's deadline bounds all attempts together, and nothing is sent after it", async () => {
    answer = hangs;
    const { call } = guardWith(["timeout"], { attempts: 10 });
    const startedMs = performance.now();
    expect(await call(new Deadline(250))).toBe("timeout");
    expect(performance.now() - startedMs).toBeWithin(230, 600);
    expect(served).toBe(3);
    expect(await call(new Deadline(0))).toBe("timeout");
    expect(served).toBe(3);
  });

  test("retry_budget: at a total outage there are 1.1 attempts for a call, not three", async () => {
    answer = fails;
    const { call, value } = guardWith(["retry_budget"]);
    for (let i = 0; i < 1_000; i += 50) await Promise.all(Array.from({ length: 50 }, () => call()));
    // The bucket's fifty tokens, and one for ten calls.
    expect(served).toBeWithin(1_000 + 120, 1_000 + 50 + 100 + 1);
    expect(await value("chaoslab_retries_total")).toBe(served - 1_000);
    expect(await value("chaoslab_retry_budget_tokens")).toBeLessThan(1);
    answer = ok;
    for (let i = 0; i < 100; i++) await call();
    expect(await value("chaoslab_retry_budget_tokens")).toBeGreaterThan(9);
  });

  test("retry_budget: a single failure is still hidden", async () => {
    let failures = 1;
    answer = () => (failures-- > 0 ? fails() : ok());
    const { call } = guardWith(["retry_budget"]);
    expect(await call()).toBe("ok");
    expect(served).toBe(2);
  });

  test("breaker: a failing dependency is soon left alone, and its state is told", async () => {
    answer = fails;
    const { call, value, mitigations } = guardWith(["breaker"], { attempts: 1 });
    for (let i = 0; i < 10; i++) expect(await call()).toBe("error");
    expect(await value("chaoslab_breaker_state")).toBe(2);
    expect(await value("chaoslab_breaker_transitions_total")).toBe(1);
    answer = ok;
    for (let i = 0; i < 5; i++) expect(await call()).toBe("rejected");
    expect(served).toBe(10);
    // Switched off it is out of the way at once; switched on it begins anew.
    mitigations.set("none");
    expect(await call()).toBe("ok");
    mitigations.set(["breaker"]);
    expect(await call()).toBe("ok");
    expect(await value("chaoslab_breaker_state")).toBe(0);
  });

  test("bulkhead: calls beyond the slots are refused without being sent or tried again", async () => {
    const gate = Promise.withResolvers<void>();
    answer = () => gate.promise.then(ok);
    const { call, value } = guardWith(["bulkhead"]);
    const running = Array.from({ length: 4 }, () => call());
    for (const end = performance.now() + 2_000; served < 4 && performance.now() < end; ) await Bun.sleep(5);
    expect(await call()).toBe("rejected");
    expect(await value("chaoslab_pool_in_use")).toBe(4);
    expect(served).toBe(4);
    gate.resolve();
    expect(await Promise.all(running)).toEqual(["ok", "ok", "ok", "ok"]);
    expect(await value("chaoslab_pool_in_use")).toBe(0);
  });

  test("a 503 with Retry-After is not tried again, with or without mitigations", async () => {
    answer = () => new Response("later", { status: 503, headers: { "retry-after": "1" } });
    for (const on of [[], ["retry_budget"]] as const) {
      served = 0;
      expect(await guardWith(on).call()).toBe("rejected");
      expect(served).toBe(1);
    }
  });

  for (const [policy, attempts, on] of [
    ["naive", 9, []],
    ["with a budget", 3, ["retry_budget"]],
  ] as const) {
    test(`two layers of retries, ${policy}: ${attempts} attempts at what lies below`, async () => {
      answer = fails;
      const metrics = new Metrics("middle");
      const resilience = new Resilience(new Mitigations(on), metrics);
      const below = new Guard(resilience, OPTIONS);
      const middle = new Elysia()
        .use(observed({ metrics, resilience, log: new Log("middle", () => {}) }))
        .get("/", () => below.run((signal) => request(metrics, "payments", url, { signal }), null))
        .listen({ hostname: "127.0.0.1", port: 0 });
      const above = guardWith(on);
      expect(await above.call(null, `http://127.0.0.1:${middle.server?.port}/`)).toBe("error");
      expect(served).toBe(attempts);
      await middle.stop();
    });
  }
});

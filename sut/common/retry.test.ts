import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { DependencyError } from "./dependency.ts";
import { request } from "./http-client.ts";
import { Metrics } from "./metrics.ts";
import { retry } from "./retry.ts";

describe("retry over real requests", () => {
  let served = 0;
  let failures = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("body", { status: ++served <= failures ? 503 : 200 }),
  });
  const url = `http://127.0.0.1:${server.port}`;
  const metrics = new Metrics("orders-1");
  const call = () => retry(3, () => request(metrics, "payments", url));
  const attemptsCounted = async () => {
    const metric = await metrics.registry.getSingleMetric("chaoslab_dependency_attempts_total")?.get();
    return metric?.values[0]?.value ?? 0;
  };

  beforeEach(() => {
    served = 0;
    metrics.registry.resetMetrics();
  });
  afterAll(() => server.stop(true));

  test.each([
    [0, 1],
    [1, 2],
    [2, 3],
  ])("after %p failures the answer comes with attempt %p", async (failing, expected) => {
    failures = failing;
    expect(await call()).toEqual({ status: 200, body: "body", degraded: null });
    expect(served).toBe(expected);
    expect(await attemptsCounted()).toBe(expected);
  });

  test("gives up after the third failure and says what failed", async () => {
    failures = Number.POSITIVE_INFINITY;
    await expect(call()).rejects.toThrow(new DependencyError("payments", "error", "status 503"));
    expect(served).toBe(3);
    expect(await attemptsCounted()).toBe(3);
  });

  test("nobody listening is unreachable, and is retried too", async () => {
    const gone = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const address = `http://127.0.0.1:${gone.port}`;
    await gone.stop(true);
    const error = await retry(3, () => request(metrics, "payments", address)).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ dependency: "payments", outcome: "unreachable" });
    expect(await attemptsCounted()).toBe(3);
  });

  test("an error that is not the dependency's is not retried", async () => {
    let calls = 0;
    const defect = () => {
      calls++;
      return Promise.reject(new TypeError("defect"));
    };
    await expect(retry(3, defect)).rejects.toThrow(TypeError);
    expect(calls).toBe(1);
  });
});

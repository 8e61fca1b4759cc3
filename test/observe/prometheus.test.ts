import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ChaoslabError } from "../../src/cli/errors.ts";
import { instantQuery, rangeQuery } from "../../src/observe/prometheus/client.ts";
import { type PrometheusServer, startPrometheus } from "./prometheus-server.ts";

const WITHIN = { timeoutMs: 5_000 };
const started = Date.now();

/** A service that counts 50 requests per second, a tenth of them failed. */
const exporter = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () => {
    const requests = Math.floor((Date.now() - started) / 20);
    const failed = Math.floor(requests / 10);
    const text = [
      `requests_total{status="200"} ${requests - failed}`,
      `requests_total{status="503"} ${failed}`,
      'in_flight{node="a"} 7',
      "",
    ].join("\n");
    return new Response(text, { headers: { "Content-Type": "text/plain; version=0.0.4" } });
  },
});

let prometheus: PrometheusServer;
const query = (expr: string): Promise<number | null> => instantQuery(prometheus.url, expr, WITHIN);

/** What a promise is refused with: always an error for the user, on one line. */
async function refusal(promise: Promise<unknown>): Promise<{ kind: string; text: string }> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ChaoslabError)) throw new Error(`not refused, or not for the user: ${error}`);
  return { kind: error.kind, text: error.oneLine };
}

beforeAll(async () => {
  prometheus = await startPrometheus(`127.0.0.1:${exporter.port}`, "/some/prefix");
  const deadline = performance.now() + 30_000;
  while (Number(await query("count_over_time(requests_total{status='503'}[1m])")) < 5) {
    if (performance.now() > deadline) throw new Error("prometheus has not scraped five times in 30 s");
    await Bun.sleep(100);
  }
}, 60_000);

afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]();
  await exporter.stop(true);
});

describe("an instant", () => {
  test("a vector of one sample, a scalar, and infinity are numbers", async () => {
    expect(await query("in_flight")).toBe(7);
    expect(await query("up{job='exporter'}")).toBe(1);
    expect(await query("scalar(in_flight) * 2")).toBe(14);
    expect(await query("1 / 0")).toBe(Number.POSITIVE_INFINITY);
  });

  test("nothing selected is null, and so is 0/0", async () => {
    expect(await query("no_such_metric")).toBeNull();
    expect(await query("in_flight * 0 / 0")).toBeNull();
  });

  test("an error rate, by a query whose characters an address would swallow", async () => {
    const rate = await query(
      'sum(rate(requests_total{status=~"5.+"}[1m])) / sum(rate(requests_total{status!~"x&y#z"}[1m]))',
    );
    expect(rate).toBeWithin(0.08, 0.12);
  });

  test("several series are refused, and counted", async () => {
    expect(await refusal(query("requests_total"))).toEqual({
      kind: "badConfig",
      text: "requests_total: gives 2 series, and one is needed (sum(...) or max(...) makes one of them)",
    });
  });

  test("what is no expression is refused with the server's reason; a range is told what it lacks", async () => {
    const broken = await refusal(query("sum(in_flight"));
    expect(broken.kind).toBe("badConfig");
    expect(broken.text).toMatch(/^sum\(in_flight: .*parse error: unclosed left parenthesis/);
    expect(await refusal(query("in_flight[1m]"))).toMatchObject({
      kind: "badConfig",
      text: expect.stringContaining("gives a range"),
    });
  });
});

describe("over time", () => {
  const range = (expr: string, stepS = 1) =>
    rangeQuery(prometheus.url, expr, Date.now() - 4_000, Date.now(), stepS, WITHIN);

  test("a counter rises at its rate, one value per step", async () => {
    const points = await range("sum(requests_total)");
    expect(points.length).toBeWithin(2, 6);
    for (const [index, point] of points.entries()) {
      const before = points[index - 1];
      if (before) expect(point.t - before.t).toBe(1_000);
      expect(point.t).toBeWithin(Date.now() - 30_000, Date.now() + 1);
    }
    const [first, last] = [points[0], points.at(-1)];
    const perSecond = (Number(last?.value) - Number(first?.value)) / (points.length - 1);
    expect(perSecond).toBeWithin(20, 100);
  });

  test("nothing selected is empty, no number is null, several series are refused", async () => {
    expect(await range("no_such_metric")).toEqual([]);
    expect((await range("in_flight * 0 / 0")).map(({ value }) => value)).toContain(null);
    expect((await refusal(range("requests_total"))).text).toContain("gives 2 series");
  });

  test("more values than the server gives are refused in its words", async () => {
    expect(await refusal(range("in_flight", 0.0001))).toMatchObject({
      kind: "badConfig",
      text: expect.stringContaining("exceeded maximum resolution of 11,000 points"),
    });
  });
});

describe("no Prometheus there", () => {
  /** Something else that listens. */
  async function other(answer: (request: Request) => Response | Promise<Response>) {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
    return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
  }

  test("nobody", async () => {
    const { url, ...server } = await other(() => new Response());
    await server[Symbol.asyncDispose]();
    expect(await refusal(instantQuery(url, "up", WITHIN))).toEqual({
      kind: "labFailed",
      text: `prometheus: ${url}: nothing listens there`,
    });
  });

  test.each([
    ["a web page", () => new Response("<html>"), "its answer is not that of a Prometheus"],
    ["JSON of another kind", () => Response.json({ status: "success", data: 5 }), "not that of a Prometheus"],
    ["a proxy that refuses", () => new Response("no", { status: 403 }), "answered 403"],
    [
      "a server in trouble",
      () => Response.json({ status: "error", errorType: "timeout", error: "too busy" }, { status: 503 }),
      "503 timeout: too busy",
    ],
  ])("%s", async (_, answer, reason) => {
    await using server = await other(answer);
    const { kind, text } = await refusal(instantQuery(server.url, "up", WITHIN));
    expect(kind).toBe("labFailed");
    expect(text).toStartWith(`prometheus: ${server.url}: `);
    expect(text).toEndWith(reason);
  });

  test("one that hangs", async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    await using server = await other(() => promise);
    const asked = performance.now();
    const { text } = await refusal(instantQuery(server.url, "up", { timeoutMs: 200 }));
    resolve(new Response());
    expect(text).toBe(`prometheus: ${server.url}: no answer within 200 ms`);
    expect(performance.now() - asked).toBeLessThan(3_000);
  });

  test("the token goes to the server that was named, and no further", async () => {
    const seen: (string | null)[] = [];
    await using elsewhere = await other((request) => {
      seen.push(`elsewhere ${request.headers.get("authorization")}`);
      return new Response();
    });
    await using server = await other((request) => {
      seen.push(request.headers.get("authorization"));
      return Response.redirect(elsewhere.url);
    });
    const { text } = await refusal(instantQuery(server.url, "up", { ...WITHIN, token: "s3cret" }));
    expect(seen).toEqual(["Bearer s3cret"]);
    expect(text).toEndWith("answered 302");
  });

  test.each(["", "localhost:9090", "ftp://127.0.0.1"])("%j is no address", async (url) => {
    expect((await refusal(instantQuery(url, "up", WITHIN))).kind).toBe("badConfig");
  });
});

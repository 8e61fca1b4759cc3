// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how a scenario writes a variable.
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadSummary } from "../../model/load.ts";
import { DEFAULT_LIMITS, runLoad, WHOLE } from "../run.ts";
import { createScenarioWorkload } from "../source.ts";
import { parseScenario, targetsOf } from "./file.ts";

const MAIN = join(import.meta.dir, "..", "..", "main.ts");

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function serve(handler: (request: Request, url: URL) => Response | Promise<Response>): string {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => handler(request, new URL(request.url)),
  });
  cleanups.push(() => void server.stop(true));
  return `http://127.0.0.1:${server.port}`;
}

/** A server that answers everything with `{}` and keeps the bytes of each request without a body. */
function wiretap(): { url: string; heads: string[] } {
  const heads: string[] = [];
  const server = Bun.listen<{ rest: string }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { rest: "" };
      },
      data(socket, bytes) {
        const parts = (socket.data.rest + bytes.toString("latin1")).split("\r\n\r\n");
        socket.data.rest = parts.pop() ?? "";
        heads.push(...parts);
        for (const _ of parts) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
      },
    },
  });
  cleanups.push(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}`, heads };
}

async function run(yaml: string, rate = 300, timeoutMs = 3_000): Promise<LoadSummary> {
  const scenario = parseScenario(`name: test\n${yaml}`, "s.yaml");
  const targets = targetsOf(scenario, "s.yaml", new Map());
  const workload = await createScenarioWorkload({ kind: "scenario", scenario, targets, seed: 1 }, timeoutMs);
  const options = {
    arrivals: "constant",
    timeoutMs,
    maxConnections: 50,
    maxInFlight: 10_000,
    seed: 1,
  } as const;
  const stages = [{ duration_s: 1, from: rate, to: rate }];
  return runLoad(
    { ...options, workload, stages, shard: WHOLE, startAt: null, limits: DEFAULT_LIMITS },
    { emit() {} },
  );
}

/** A shop of two servers: one gives tokens and takes orders, the other knows the orders of the first. */
function shop() {
  const orders = new Map<string, string>();
  const seen = { tokens: [] as string[], stranger: 0, guessed: 0, read: 0 };
  const front = serve(async (request, { pathname }) => {
    const body = (await request.json()) as { tenant?: string; product?: string };
    if (pathname === "/token") {
      seen.tokens.push(body.tenant ?? "");
      return Response.json({ data: [{ token: `token of/${body.tenant}` }] });
    }
    const tenant = /^Bearer token of\/(\w+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
    if (tenant === undefined) seen.stranger++;
    const id = `${tenant}/${orders.size}`;
    orders.set(id, body.product ?? "");
    return Response.json({ id }, { status: 201, headers: { "X-Order": id } });
  });
  const back = serve((request, { pathname }) => {
    const [, , id = ""] = pathname.split("/").map(decodeURIComponent);
    const tenant = request.headers.get("x-tenant");
    if (!orders.has(id) || !id.startsWith(`${tenant}/`)) seen.guessed++;
    seen.read++;
    return orders.has(id)
      ? Response.json({ id, product: orders.get(id) })
      : new Response("none", { status: 404 });
  });
  return { front, back, seen };
}

const SHOP = (front: string, back: string): string => `
targets: { front: "${front}", back: "${back}" }
tenants: { names: [a, b, c] }
variables: { p: { int: { min: 0, max: 99 } } }
setup:
  - { name: sign in, target: front, per_tenant: true, method: POST, path: /token,
      json: { tenant: "\${tenant}" }, capture: { token: { json: data.0.token } } }
  - { name: first, target: front, per_tenant: true, method: POST, path: /orders,
      headers: { Authorization: "Bearer \${token}" }, json: { product: "p-\${p}" }, capture: { id: { header: x-order } } }
operations:
  - { name: order, target: front, method: POST, path: /orders, expect: { status: 201 },
      headers: { Authorization: "Bearer \${token}" }, json: { product: "p-\${p}" }, capture: { id: { json: id } } }
  - { name: read, target: back, method: GET, path: "/orders/\${id}", headers: { X-Tenant: "\${tenant}" },
      expect: { status: 200, body_contains: p- }, weight: 2 }
  - { name: nothing, target: back, method: GET, path: /orders/x, expect: { status: 404 } }
  - { name: surprise, target: front, method: POST, path: /orders, json: {}, expect: { status: 204 } }
  - { name: lost, target: back, method: GET, path: /orders/y }
`;

describe("a scenario on real servers", () => {
  test("signs in once per tenant, carries ids from one server to another, and judges each answer", async () => {
    const { front, back, seen } = shop();
    const { operations, requests } = await run(SHOP(front, back));
    expect(seen.tokens.sort()).toEqual(["a", "b", "c"]);
    const outcomes = Object.fromEntries(
      Object.entries(operations).map(([name, each]) => [name, each.outcomes]),
    );
    const count = expect.any(Number);
    expect(outcomes).toEqual({
      order: { "2xx": count },
      read: { "2xx": count },
      nothing: { expected: count },
      surprise: { unexpected: count },
      lost: { "4xx": count },
    });
    // Only `surprise` came without a token, only `nothing` and `lost` asked for an order that was never made.
    expect(seen.stranger).toBe(operations.surprise?.requests ?? 0);
    expect(seen.guessed).toBe((operations.nothing?.requests ?? 0) + (operations.lost?.requests ?? 0));
    expect(seen.read).toBeGreaterThan(100);
    expect(requests).toBe(300);
  });

  test("sends the same bytes with the same seed", async () => {
    const one = wiretap();
    const yaml = (url: string): string => `
targets: { one: "${url}/x" }
tenants: { count: 5, weights: zipf }
variables: { key: { uuid: true }, word: { string: { length: 9 } } }
operations:
  - { name: a, method: GET, path: "/\${index}?w=\${word}", headers: { X-Key: "\${key}", Host: same } }
  - { name: b, method: DELETE, path: "/\${index}/\${tenant}", headers: { Host: same } }`;
    const two = wiretap();
    await run(yaml(one.url));
    await run(yaml(two.url));
    expect(one.heads).toHaveLength(300);
    // Connections may overtake each other: in the order of their indices.
    expect(one.heads.sort()).toEqual(two.heads.sort());
    expect(new Set(one.heads.map((head) => head.split(" ")[0]))).toEqual(new Set(["GET", "DELETE"]));
  });

  test("asks once for what is not per tenant, and gives it to all", async () => {
    let asked = 0;
    const strangers: string[] = [];
    const url = serve((request, { pathname }) => {
      if (pathname === "/key") return new Response(JSON.stringify({ key: `k${++asked}` }));
      if (request.headers.get("x-key") !== "k1") strangers.push(pathname);
      return new Response("");
    });
    await run(`
targets: { one: "${url}" }
tenants: { count: 30 }
setup: [{ name: key, method: GET, path: /key, capture: { key: { json: key } } }]
operations: [{ name: a, method: GET, path: "/\${tenant}", headers: { X-Key: "\${key}" } }]`);
    expect([asked, strangers]).toEqual([1, []]);
  });

  test.each([
    ["an odd status", () => new Response("", { status: 500 }), "the answer has status 500"],
    ["nothing to capture", () => Response.json({ t: 1 }), "the answer has no usable token in its body"],
    ["a token for another line", () => Response.json({ token: "a\r\nb: c" }), "no usable token"],
    ["silence", () => new Promise<Response>(() => {}), "no answer in time"],
  ])("is not begun when the setup meets %s", async (_, handler, says) => {
    const url = serve(handler);
    const yaml = `
targets: { one: "${url}/base" }
tenants: { count: 20 }
setup: [{ name: sign in, per_tenant: true, method: POST, path: /token, capture: { token: { json: token } } }]
operations: [{ name: a, method: GET, path: /, headers: { X: "\${token}" } }]`;
    const error = await run(yaml, 1, 300).then(
      () => null,
      (thrown: Error) => thrown.message,
    );
    expect(error).toStartWith(`load: setup "sign in": POST ${url}/base/token: `);
    expect(error).toContain(says);
  });
});

describe.concurrent("chaoslab load --scenario", () => {
  const folder = mkdtempSync(join(tmpdir(), "scenario-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "s.yaml");
  const yaml = (load: string): string => `name: test
seed: 9
targets: { one: "http://127.0.0.1:1" }
variables: { n: { int: { min: 1, max: 1000 } } }
setup: [{ name: sign in, method: GET, path: /token, capture: { token: { json: token } } }]
operations: [{ name: a, method: GET, path: "/\${n}", headers: { X: "\${token}" } }]
load: ${load}
`;
  writeFileSync(file, yaml("{ rate: 500, for: 400ms, arrivals: constant, timeout: 1s, connections: 7 }"));
  const staged = join(folder, "staged.yaml");
  writeFileSync(staged, yaml("{ stages: 20 for 1s, arrivals: constant }"));

  async function finish(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const child = Bun.spawn([process.execPath, MAIN, "load", ...args], { stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code, out, err };
  }
  const print = ["--print-schedule", "1000"];
  const lines = (out: string): string[] => out.trimEnd().split("\n");

  test("prints the sequence without a network, by the file's own rate and seed, which flags override", async () => {
    const [own, again, seed, rate, stages, replaced] = await Promise.all([
      finish("--scenario", file, ...print),
      finish("--scenario", file, ...print, "--seed", "9"),
      finish("--scenario", file, ...print, "--seed", "10"),
      finish("--scenario", file, ...print, "--rate", "50"),
      finish("--scenario", file, ...print, "--stages", "10 for 1s"),
      finish("--scenario", staged, ...print, "--rate", "30", "--for", "1s"),
    ]);
    expect([own.code, own.err]).toEqual([0, ""]);
    expect(lines(own.out)).toHaveLength(200);
    expect(lines(own.out)[3]).toMatch(
      /^3\t6\.000\ta\ttenant-01\tGET\thttp:\/\/127\.0\.0\.1:1\/\d+\tX: \$\{token\}$/,
    );
    expect(again.out).toBe(own.out);
    expect(seed.out).not.toBe(own.out);
    expect([rate, stages, replaced].map(({ out }) => lines(out).length)).toEqual([20, 10, 30]);
  });

  test("drives another target than the file's, and reports by operation", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json({ token: "t" }) });
    const target = `one=http://127.0.0.1:${server.port}`;
    const { code, out } = await finish("--scenario", file, "--target", target, "--json", "--quiet");
    await server.stop(true);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      rate: 500,
      seed: 9,
      operations: { a: { outcomes: { "2xx": 200 } } },
    });
  });

  test("one line for what does not go together, is not there, or does not answer", async () => {
    const [url, mix, none, target, away] = await Promise.all([
      finish("http://127.0.0.1:1", "--scenario", file),
      finish("--scenario", file, "--mix", "shop"),
      finish("--scenario", join(folder, "none.yaml")),
      finish("--scenario", file, "--target", "ome=http://h"),
      finish("--scenario", file),
    ]);
    for (const { err } of [url, mix, none, target, away]) expect(err).toMatch(/^chaoslab: [^\n]+\n$/);
    expect([url, mix, none, target, away].map(({ code }) => code)).toEqual([2, 2, 104, 2, 6]);
    expect(target.err).toContain("did you mean one?");
    expect(away.err).toContain('setup "sign in": GET http://127.0.0.1:1/token: connection refused');
  });
});

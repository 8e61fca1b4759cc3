/** The live page and its routes over HTTP, against a real lab: what is told, to whom, and to whom not. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventReader, type ServerEvent } from "../../src/controller/live/sse.ts";
import type { ExperimentsView, FaultView, LogView, Snapshot, Tick } from "../../src/controller/live/wire.ts";
import { NODE_NAMES } from "../../src/lab/host/topology.ts";
import { chaoslab, start } from "../support.ts";

setDefaultTimeout(120_000);
const LAB = "test-l";

// A state root of its own: other tests take all labs of theirs down.
const home = mkdtempSync(join(tmpdir(), "cltest-l-"));
chmodSync(home, 0o755);
process.env.CHAOSLAB_HOME = home;
const results = join(home, "results");

let server: ReturnType<typeof start>;
let base = "";

async function serve(...more: string[]): Promise<void> {
  server = start(["chaos", "--lab", LAB, "--port", "0", "--results", results, ...more]);
  const { value } = await server.stderr.getReader().read();
  base = /at (http:[^\s,]+)/.exec(new TextDecoder().decode(value))?.[1] ?? "";
  expect(base).toStartWith("http://127.0.0.1:");
}

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(base + path, { headers, signal: AbortSignal.timeout(20_000) });

const textOf = async (path: string): Promise<string> => (await get(path)).text();

/** The events of one connection, as they come. */
async function* events(headers: Record<string, string> = {}): AsyncGenerator<ServerEvent> {
  const leaving = new AbortController();
  const { body } = await fetch(`${base}/live/events`, { headers, signal: leaving.signal });
  const reader = new EventReader();
  const decoder = new TextDecoder();
  try {
    for await (const chunk of body ?? []) yield* reader.push(decoder.decode(chunk, { stream: true }));
  } finally {
    leaving.abort();
  }
}

/** The first event that is wanted. */
async function nextOf(stream: AsyncGenerator<ServerEvent>, wanted: (event: ServerEvent) => boolean) {
  for (;;) {
    const { value } = await stream.next();
    if (!value) throw new Error("the stream ended");
    if (wanted(value)) return value.data;
  }
}

beforeAll(async () => {
  const up = await chaoslab(["up", "--lab", LAB]);
  if (up.code !== 0) throw new Error(up.stderr);
  mkdirSync(join(results, "cascade-1"), { recursive: true });
  writeFileSync(join(results, "cascade-1", "report.html"), "<!doctype html><script>1</script>");
  symlinkSync(home, join(results, "linked"));
  writeFileSync(join(home, "report.html"), "secret");
  await serve();
});
afterAll(async () => {
  server.kill("SIGKILL");
  await chaoslab(["down", "--lab", LAB]);
  rmSync(home, { recursive: true, force: true });
});

test("the page is one response that loads nothing else, and its policy lets nothing else run", async () => {
  const answer = await get("/");
  const policy = answer.headers.get("content-security-policy") ?? "";
  const html = await answer.text();
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  const hash = (tag: string): string => {
    const text = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(html)?.[1] ?? "";
    expect(text.length).toBeGreaterThan(1_000);
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  };
  expect(policy.split("; ")).toEqual([
    "default-src 'none'",
    `script-src ${hash("script")}`,
    `style-src ${hash("style")}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]);
  const markup = html.replace(/<(script|style)[\s\S]*?<\/\1>/g, "");
  expect(markup).not.toMatch(/\s(on\w+|style|src)=/);
  expect([...markup.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual(["data:,"]);
  // No data of the lab: it is given to who has no token.
  expect(html).not.toContain(LAB);
});

test("a stream begins with what there is, tells of every node each second, and of faults of other processes", async () => {
  const stream = events();
  const snapshot: Snapshot = JSON.parse(await nextOf(stream, () => true));
  expect(snapshot).toMatchObject({ lab: LAB, faults: [] });
  expect(snapshot.places).toEqual([...NODE_NAMES, "client"]);
  const tick: Tick = JSON.parse(await nextOf(stream, ({ name }) => name === "tick"));
  expect(tick.nodes.map(({ name, state }) => `${name} ${state}`)).toEqual(
    NODE_NAMES.map((name) => `${name} ready`),
  );
  expect(tick.nodes.find(({ name }) => name === "orders-1")?.metrics?.pools.length).toBeGreaterThan(0);

  const told = nextOf(stream, ({ name }) => name === "faults");
  const args = ["--lab", LAB, "--target", "payments", "--delay-ms", "20"];
  expect((await chaoslab(["inject", "latency", ...args])).code).toBe(0);
  const [begun]: FaultView[] = JSON.parse(await told);
  expect(begun).toMatchObject({
    type: "latency",
    target: "payments",
    params: { delay_ms: 20 },
    t_stop: null,
  });
  const over = nextOf(stream, ({ name }) => name === "faults");
  expect((await chaoslab(["revert", begun?.id ?? "", "--lab", LAB])).code).toBe(0);
  expect(JSON.parse(await over)).toMatchObject([{ id: begun?.id, t_stop: expect.any(Number) }]);
  await stream.return(undefined);

  const again = events();
  const later: Snapshot = JSON.parse(await nextOf(again, () => true));
  expect(later.seconds.length).toBeGreaterThan(0);
  expect(later.faults).toMatchObject([{ id: begun?.id }]);
  await again.return(undefined);
});

test("the end of a node's log; of the lab's nodes and of nothing else", async () => {
  const { node, lines }: LogView = JSON.parse(await textOf("/live/logs/api?lines=1"));
  expect([node, lines.length]).toEqual(["api", 1]);
  for (const path of ["client", "supervisor", "..%2Flab.json", "%2e%2e%2flab", "x".repeat(5_000)]) {
    const answer = await get(`/live/logs/${path}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ field: "node", accepted: [...NODE_NAMES] });
  }
  for (const lines of ["0", "-1", "1.5", "99999", "all"])
    expect((await get(`/live/logs/api?lines=${lines}`)).status).toBe(400);
});

test("schedules are listed; a report is served out of this origin, and only from the results", async () => {
  const { experiments }: ExperimentsView = JSON.parse(await textOf("/live/experiments"));
  expect(experiments).toContainEqual(
    expect.objectContaining({ file: "schedules/cascade.yaml", name: "cascade", problem: null, last: null }),
  );
  const report = await get("/results/cascade-1/report.html");
  expect([report.status, await report.text()]).toEqual([200, "<!doctype html><script>1</script>"]);
  expect(report.headers.get("content-security-policy")).toContain("sandbox allow-scripts");
  expect(report.headers.get("content-security-policy")).toContain("default-src 'none'");
  for (const run of ["linked", "none", "..", "%2e%2e", "..%2F..%2Fetc", "cascade-1%2F..", "%00", "."])
    expect(`${run} ${(await get(`/results/${run}/report.html`)).status}`).toBe(`${run} 404`);
  expect((await get("/results/cascade-1/verdicts.json")).status).toBe(404);
});

const ROUTES = ["/", "/live/events", "/live/logs/api", "/live/experiments", "/results/cascade-1/report.html"];

/** The status of a request with this Host, as a browser sends it from a page of that name. */
function statusFor(path: string, host: string): Promise<number> {
  const { hostname, port } = new URL(base);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = connect({ host: hostname, port: Number(port) }, () =>
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
  );
  socket.once("data", (data) => resolve(Number(data.toString().split(" ")[1])));
  socket.once("error", reject);
  return promise.finally(() => socket.destroy());
}

describe("other sites", () => {
  test.each(ROUTES)("get nothing of %s, by their origin or by a name that leads here", async (path) => {
    for (const origin of ["http://elsewhere.example", "null", base.replace("127.0.0.1", "localhost")])
      expect((await get(path, { origin })).status).toBe(403);
    expect(await statusFor(path, "elsewhere.example")).toBe(403);
  });

  test("cannot inject or revert from a form or a script of theirs", async () => {
    const post = async (path: string, headers: Record<string, string>): Promise<number> =>
      (await fetch(base + path, { method: "POST", headers, body: "{}" })).status;
    for (const path of ["/chaos/inject", "/chaos/revert", "/chaos/revert/f-00000000"]) {
      expect(
        await post(path, { origin: "http://elsewhere.example", "content-type": "application/json" }),
      ).toBe(403);
      expect(await post(path, { "content-type": "text/plain" })).toBe(415);
      expect(await post(path, { "content-type": "application/x-www-form-urlencoded" })).toBe(415);
    }
  });
});

test("with a token the page is served without it, and nothing else is", async () => {
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
  const token = "a-token-of-some-length";
  await serve("--token", token);
  expect((await get("/")).status).toBe(200);
  const bearer = { authorization: `Bearer ${token}` };
  for (const path of ROUTES.slice(1)) {
    expect((await get(path)).status).toBe(401);
    expect((await get(path, { authorization: "Bearer wrong" })).status).toBe(401);
  }
  expect((await fetch(`${base}/`, { method: "POST" })).status).toBe(401);
  const stream = events(bearer);
  expect((await stream.next()).value).toMatchObject({ name: "snapshot" });
  await stream.return(undefined);
  expect((await get("/live/logs/api", bearer)).status).toBe(200);
});

test("a controller that is watched ends when it is told to", async () => {
  const stream = events({ authorization: "Bearer a-token-of-some-length" });
  await stream.next();
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
  await stream.return(undefined).catch(() => {});
});

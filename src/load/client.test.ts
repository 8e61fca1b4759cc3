import { dlopen, ptr } from "bun:ffi";
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { waitFor } from "../lab/wait.ts";
import type { Outcome } from "../model/load.ts";
import { type ClientOptions, Exchange, HttpClient } from "./client.ts";
import type { Answer } from "./workload.ts";

interface Ended {
  outcome: Outcome;
  ms: number;
  serviceMs: number | null;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class PlainExchange extends Exchange<PlainExchange> {}

/** A client and what became of its requests. */
class Bench {
  readonly ended: Ended[] = [];
  readonly defects: unknown[] = [];
  /** Thrown from the sink when a request ends. */
  fail: Error | null = null;
  dispatched = 0;
  sent = 0;
  readonly client: HttpClient<PlainExchange>;
  #onEnded = (): void => {};

  constructor(port: number, options: Partial<ClientOptions> = {}) {
    const origin = { hostname: "127.0.0.1", port, tls: null };
    const all = { origin, maxConnections: 100, maxInFlight: 10_000, timeoutMs: 3_000, ...options };
    this.client = new HttpClient<PlainExchange>(all, {
      onDispatched: () => void this.dispatched++,
      onSent: () => void this.sent++,
      onEnded: ({ intendedAt, sentAt }, outcome, at) => {
        this.ended.push({ outcome, ms: at - intendedAt, serviceMs: sentAt === null ? null : at - sentAt });
        this.#onEnded();
        if (this.fail) throw this.fail;
      },
      onDefect: (error) => void this.defects.push(error),
    });
    cleanups.push(() => this.client.close());
  }

  send(payload = GET, intendedAt = performance.now()): void {
    this.client.send(new PlainExchange(payload, false, false, null, intendedAt));
  }

  /** Resolves when `count` requests have ended in all. */
  async until(count: number): Promise<Outcome[]> {
    if (this.ended.length < count) {
      await new Promise<void>((resolve) => {
        this.#onEnded = () => {
          if (this.ended.length >= count) resolve();
        };
      });
    }
    return this.ended.map(({ outcome }) => outcome);
  }
}

interface RawServer {
  port: number;
  connections: number;
  sockets: Socket<undefined>[];
}

/** A server of raw bytes: `respond` is called with each piece received. */
function rawServer(respond: (socket: Socket<undefined>, connection: number) => void, port = 0): RawServer {
  const server: RawServer = { port: 0, connections: 0, sockets: [] };
  const listener = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket) {
        server.connections++;
        server.sockets.push(socket);
      },
      data: (socket) => respond(socket, server.connections),
    },
  });
  cleanups.push(() => listener.stop(true));
  server.port = listener.port;
  return server;
}

/** Connections that this host began to open since it booted. */
function activeOpens(): number {
  const [names = "", values = ""] = readFileSync("/proc/net/snmp", "utf8").match(/^Tcp: .*$/gm) ?? [];
  return Number(values.split(" ")[names.split(" ").indexOf("ActiveOpens")]);
}

function httpServer(handler: (request: Request) => Response | Promise<Response>): number {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: handler });
  cleanups.push(() => void server.stop(true));
  return server.port ?? 0;
}

/** A port on loopback that lets nobody in: its backlog is full, so further SYNs go unanswered. */
async function blackHole(): Promise<{ port: number; close: () => void }> {
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  });
  const fd = libc.socket(2, 1, 0);
  const address = new Uint8Array([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  libc.bind(fd, ptr(address), address.length);
  libc.listen(fd, 0);
  libc.getsockname(fd, ptr(address), ptr(new Uint32Array([address.length])));
  const port = ((address[2] ?? 0) << 8) | (address[3] ?? 0);
  const filler = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
  const close = (): void => {
    filler.terminate();
    libc.close(fd);
  };
  return { port, close };
}

describe("client", () => {
  test("counts answers by status, over kept-alive connections", async () => {
    const statuses = [200, 204, 302, 404, 503];
    let next = 0;
    const bench = new Bench(httpServer(() => new Response(null, { status: statuses[next++] ?? 500 })));
    for (let i = 1; i <= statuses.length; i++) {
      bench.send();
      await bench.until(i);
    }
    expect(await bench.until(5)).toEqual(["2xx", "2xx", "3xx", "4xx", "5xx"]);
    expect([bench.dispatched, bench.sent, bench.client.pending]).toEqual([5, 5, 0]);
  });

  test("uses one connection for requests in sequence, several for requests at once", async () => {
    const server = rawServer((socket) => void socket.write(OK));
    const bench = new Bench(server.port);
    for (let i = 1; i <= 5; i++) {
      bench.send();
      await bench.until(i);
    }
    expect(server.connections).toBe(1);
    for (let i = 0; i < 5; i++) bench.send();
    expect(await bench.until(10)).toEqual(new Array(10).fill("2xx"));
    expect(server.connections).toBeGreaterThan(1);
  });

  test("large requests and answers pass in pieces", async () => {
    const body = "y".repeat(3_000_000);
    let received = 0;
    const port = httpServer(async (request) => {
      received = (await request.text()).length;
      return new Response("z".repeat(5_000_000));
    });
    const bench = new Bench(port, { timeoutMs: 10_000 });
    bench.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    expect(await bench.until(1)).toEqual(["2xx"]);
    expect(received).toBe(body.length);
    bench.send();
    expect(await bench.until(2)).toEqual(["2xx", "2xx"]);
  });

  test("a closed port is refused, again and again", async () => {
    const server = rawServer(() => {});
    for (const cleanup of cleanups.splice(0)) cleanup();
    const bench = new Bench(server.port);
    for (let i = 0; i < 20; i++) bench.send();
    expect(await bench.until(20)).toEqual(new Array(20).fill("refused"));
    expect(bench.sent).toBe(0);
  });

  test("a name that does not resolve is a connect error", async () => {
    const bench = new Bench(80, { origin: { hostname: "127.0.0.300", port: 80, tls: null } });
    bench.send();
    expect(await bench.until(1)).toEqual(["connect"]);
  });

  test("goes to a name, and to an IPv6 address however it is written", async () => {
    for (const [listening, asked] of [
      ["127.0.0.1", "localhost"],
      ["::1", "::1"],
      ["::1", "0:0:0:0:0:0:0.0.0.1"],
    ] as const) {
      const server = Bun.serve({ hostname: listening, port: 0, fetch: () => new Response("ok") });
      cleanups.push(() => void server.stop(true));
      const port = server.port ?? 0;
      const bench = new Bench(port, { origin: { hostname: asked, port, tls: null } });
      for (let i = 1; i <= 3; i++) {
        bench.send();
        await bench.until(i);
      }
      expect([asked, await bench.until(3)]).toEqual([asked, ["2xx", "2xx", "2xx"]]);
    }
  });

  test("a client that is closed while it connects is heard of no more, and leaves no socket behind", async () => {
    const hole = await blackHole();
    const sockets = (): number => readdirSync("/proc/self/fd").length;
    const before = sockets();
    const bench = new Bench(hole.port, { maxConnections: 20 });
    for (let i = 0; i < 20; i++) bench.send();
    expect(sockets()).toBeGreaterThanOrEqual(before + 20);
    bench.client.close();
    expect(sockets()).toBeLessThanOrEqual(before + 1);
    await Bun.sleep(20);
    expect([bench.ended, bench.defects]).toEqual([[], []]);
    hole.close();
  });

  test("a reset, and a close before or amid an answer, are resets", async () => {
    const reset = new Bench(rawServer((socket) => socket.terminate()).port);
    const closed = new Bench(rawServer((socket) => void socket.end()).port);
    const cut = new Bench(rawServer((socket) => void socket.end(OK.slice(0, -1))).port);
    for (const bench of [reset, closed, cut]) {
      bench.send();
      expect(await bench.until(1)).toEqual(["reset"]);
    }
  });

  test("an answer that ends with the connection counts, and the next request gets a new connection", async () => {
    const server = rawServer((socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\nall there is"));
    const bench = new Bench(server.port);
    for (let i = 1; i <= 3; i++) {
      bench.send();
      await bench.until(i);
    }
    expect(await bench.until(3)).toEqual(["2xx", "2xx", "2xx"]);
    expect(server.connections).toBe(3);
  });

  test("what is not HTTP is a protocol error", async () => {
    const bench = new Bench(rawServer((socket) => void socket.write("-ERR unknown command\r\n")).port);
    bench.send();
    expect(await bench.until(1)).toEqual(["protocol"]);
  });

  test("a connection closed while idle is dropped without harm", async () => {
    const server = rawServer((socket) => void socket.write(OK));
    const bench = new Bench(server.port);
    bench.send();
    await bench.until(1);
    server.sockets[0]?.end();
    while (server.sockets[0]?.readyState === 1) await Bun.sleep(5);
    await Bun.sleep(50);
    bench.send();
    expect(await bench.until(2)).toEqual(["2xx", "2xx"]);
    expect(server.connections).toBe(2);
  });

  test("a hang times out on time, and the connection is replaced", async () => {
    const server = rawServer((socket, connection) => {
      if (connection > 1) socket.write(OK);
    });
    const bench = new Bench(server.port, { timeoutMs: 200, maxConnections: 1 });
    bench.send();
    expect(await bench.until(1)).toEqual(["timeout"]);
    expect(bench.ended[0]?.ms).toBeGreaterThanOrEqual(200);
    expect(bench.ended[0]?.ms).toBeLessThan(1_000);
    bench.send();
    expect(await bench.until(2)).toEqual(["timeout", "2xx"]);
    expect(server.connections).toBe(2);
  });

  test("the timeout counts from the intended time", async () => {
    const bench = new Bench(rawServer(() => {}).port, { timeoutMs: 1_000 });
    const sentAt = performance.now();
    bench.send(GET, sentAt - 800);
    expect(await bench.until(1)).toEqual(["timeout"]);
    expect(performance.now() - sentAt).toBeLessThan(700);
  });

  test("requests beyond the connection limit wait in order, and are dropped when none gets free", async () => {
    const held: Socket<undefined>[] = [];
    const server = rawServer((socket) => void held.push(socket));
    const bench = new Bench(server.port, { timeoutMs: 400, maxConnections: 2 });
    const startedAt = performance.now();
    for (let i = 0; i < 3; i++) bench.send(GET, startedAt);
    while (held.length < 2) await Bun.sleep(5);
    expect([bench.sent, bench.client.pending]).toEqual([2, 3]);
    held[0]?.write(OK);
    await bench.until(1);
    expect(bench.sent).toBe(3);
    bench.send(GET, startedAt);
    bench.send(GET, startedAt);
    const outcomes = await bench.until(5);
    expect(outcomes.toSorted()).toEqual(["2xx", "dropped", "dropped", "timeout", "timeout"]);
    expect(server.connections).toBe(2);
    expect(bench.sent).toBe(3);
  });

  test("a target that lets nobody connect times out, and is used as soon as it does", async () => {
    const hole = await blackHole();
    const bench = new Bench(hole.port, { timeoutMs: 1_150, maxConnections: 20 });
    for (let i = 0; i < 30; i++) bench.send();
    expect(await bench.until(30)).toEqual(new Array(30).fill("timeout"));
    expect([bench.sent, bench.dispatched]).toEqual([0, 30]);
    // The first attempts repeat their SYN 3 s after it (tcp(7)), 1.8 s from now; a new one gets its answer at once.
    hole.close();
    const healedAt = performance.now();
    bench.send();
    expect((await bench.until(31))[30]).toBe("refused");
    expect(performance.now() - healedAt).toBeLessThan(1_500);
  });

  test("a 2xx that says it is degraded is its own outcome; a judge may see more than the status", async () => {
    const port = httpServer(() => new Response("ok", { headers: { "X-Degraded": "cache" } }));
    const bench = new Bench(port);
    bench.send();
    expect(await bench.until(1)).toEqual(["degraded"]);
    const judge = ({ status, body }: Answer): Outcome =>
      status === 200 && Buffer.from(body ?? []).toString() === "ok" ? "expected" : "unexpected";
    const intendedAt = performance.now();
    bench.client.send(new PlainExchange(GET, true, false, judge, intendedAt));
    expect(await bench.until(2)).toEqual(["degraded", "expected"]);
  });

  test("a request beyond the bound of those in flight is dropped at once, and the bound frees again", async () => {
    const held: (() => void)[] = [];
    const bench = new Bench(
      httpServer(() => new Promise((resolve) => held.push(() => resolve(new Response("ok"))))),
      { maxInFlight: 2 },
    );
    for (let i = 0; i < 3; i++) bench.send();
    expect(await bench.until(1)).toEqual(["dropped"]);
    await waitFor(() => held.length === 2, { what: "two requests", timeoutMs: 5_000 });
    for (const release of held.splice(0)) release();
    await bench.until(3);
    bench.send();
    await waitFor(() => held.length === 1, { what: "one more request", timeoutMs: 5_000 });
    for (const release of held) release();
    expect(await bench.until(4)).toEqual(["dropped", "2xx", "2xx", "2xx"]);
  });

  test("the service time runs from the send, not from the intended time", async () => {
    const bench = new Bench(
      httpServer(async () => {
        await Bun.sleep(100);
        return new Response("ok");
      }),
    );
    bench.send(GET, performance.now() - 1_000);
    await bench.until(1);
    const [ended] = bench.ended;
    expect(ended?.ms).toBeGreaterThanOrEqual(1_090);
    expect(ended?.serviceMs).toBeGreaterThanOrEqual(90);
    expect(ended?.serviceMs).toBeLessThan(900);
  });

  test("a target that refuses is not hammered, every request still ends, and its return is noticed", async () => {
    const server = rawServer((socket) => void socket.write(OK));
    const { port } = server;
    for (const cleanup of cleanups.splice(0)) cleanup();
    const bench = new Bench(port);
    const opensBefore = activeOpens();
    for (let i = 0; i < 100; i++) {
      for (let k = 0; k < 20; k++) bench.send();
      await Bun.sleep(5);
    }
    await bench.until(2_000);
    expect(new Set(bench.ended.map(({ outcome }) => outcome))).toEqual(new Set(["refused"]));
    expect(Math.max(...bench.ended.map(({ ms }) => ms))).toBeLessThan(1_000);
    // One attempt in 64 ms at last, after the first few: some 40 of 2,000. Others on this host open connections too.
    expect(activeOpens() - opensBefore).toBeLessThan(1_000);
    rawServer((socket) => void socket.write(OK), port);
    bench.ended.length = 0;
    await waitFor(
      () => {
        bench.send();
        return bench.ended.some(({ outcome }) => outcome === "2xx");
      },
      { what: "an answer", timeoutMs: 5_000 },
    );
  });

  test("over TLS: trusted by its certificate, refused without, taken when told to", async () => {
    const dir = mkdtempSync(join(tmpdir(), "chaoslab-tls-"));
    cleanups.push(() => rmSync(dir, { recursive: true }));
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const made = Bun.spawnSync(
      [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
      ].concat(
        ["-keyout", key, "-out", cert, "-days", "1", "-subj", "/CN=localhost"],
        ["-addext", "subjectAltName=DNS:localhost"],
      ),
    );
    expect(made.exitCode).toBe(0);
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") },
      fetch: () => new Response("secret"),
    });
    cleanups.push(() => void server.stop(true));
    const port = server.port ?? 0;
    const outcomes = async (tls: { ca: string | null; verify: boolean }): Promise<Outcome[]> => {
      const origin = { hostname: "127.0.0.1", port, tls: { serverName: "localhost", ...tls } };
      const bench = new Bench(port, { origin });
      for (let i = 0; i < 5; i++) bench.send();
      return await bench.until(5);
    };
    const ca = readFileSync(cert, "utf8");
    expect(await outcomes({ ca, verify: true })).toEqual(new Array(5).fill("2xx"));
    expect(await outcomes({ ca: null, verify: true })).toEqual(new Array(5).fill("connect"));
    expect(await outcomes({ ca: null, verify: false })).toEqual(new Array(5).fill("2xx"));
  });

  test("plain HTTP where TLS is expected is a failure to connect", async () => {
    const port = httpServer(() => new Response("ok"));
    const tls = { serverName: "localhost", ca: null, verify: true };
    const bench = new Bench(port, { origin: { hostname: "127.0.0.1", port, tls }, timeoutMs: 2_000 });
    bench.send();
    const [outcome] = await bench.until(1);
    expect(["connect", "reset", "timeout"]).toContain(outcome ?? "");
  });

  test("an exception in our own code is reported, not passed over", async () => {
    const answering = rawServer((socket) => void socket.write(OK));
    const hanging = rawServer(() => {});
    for (const { port } of [answering, hanging]) {
      const bench = new Bench(port, { timeoutMs: 200 });
      bench.fail = new Error("defect");
      bench.send();
      await bench.until(1);
      await Bun.sleep(10);
      expect(bench.defects).toEqual([bench.fail]);
    }
  });
});

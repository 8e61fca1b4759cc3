/**
 * What the proxy costs without toxics, against a direct connection: round-trip time of one byte, and bytes per
 * second over one connection and over eight. Everything on loopback, each party a process of its own.
 *
 *   node_modules/.bin/bun bench/toxiproxy.ts [seconds per figure, default 2]
 */
import { startToxiproxy } from "../src/toxiproxy/server.ts";

type Part = "echo" | "source" | "proxy";

const CHUNK = new Uint8Array(65_536);

/** Sends back what comes. */
function serveEcho(): number {
  return Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => void socket.setNoDelay(true),
      data: (socket, bytes) => void socket.write(bytes),
    },
  }).port;
}

/** Sends as fast as it is read. */
function serveSource(): number {
  const feed = (socket: Bun.Socket): void => {
    while (socket.write(CHUNK) === CHUNK.length);
  };
  const socket = { open: feed, drain: feed, data: () => {} };
  return Bun.listen({ hostname: "127.0.0.1", port: 0, socket }).port;
}

/** A proxy on each of the two, as `port port`. */
async function serveProxies(upstreams: string[]): Promise<string> {
  const { proxies } = await startToxiproxy({ host: "127.0.0.1", port: 0, seed: 1 });
  const ports: string[] = [];
  for (const port of upstreams) {
    const proxy = await proxies.create({ name: port, listen: "127.0.0.1:0", upstream: `127.0.0.1:${port}` });
    ports.push(proxy.listen.split(":")[1] ?? "");
  }
  return ports.join(" ");
}

/** Starts a part in a process of its own; the line it prints has its ports. */
async function part(name: Part, ...args: string[]): Promise<{ ports: number[]; stop: () => void }> {
  const child = Bun.spawn([process.execPath, import.meta.path, name, ...args], { stdout: "pipe" });
  for await (const chunk of child.stdout) {
    const ports = new TextDecoder().decode(chunk).trim().split(" ").map(Number);
    return { ports, stop: () => child.kill("SIGKILL") };
  }
  throw new Error(`${name} ended`);
}

/** Microseconds of each round trip of one byte, one after the other, sorted. */
async function roundTrips(port: number, forMs: number): Promise<Float64Array> {
  const took: number[] = [];
  const done = Promise.withResolvers<void>();
  const end = performance.now() + forMs;
  let sentAt = 0;
  const send = (socket: Bun.Socket): void => {
    sentAt = performance.now();
    socket.write("x");
  };
  const data = (socket: Bun.Socket): void => {
    const now = performance.now();
    took.push((now - sentAt) * 1_000);
    if (now < end) send(socket);
    else done.resolve();
  };
  const open = (socket: Bun.Socket): void => {
    socket.setNoDelay(true);
    send(socket);
  };
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { open, data } });
  await done.promise;
  socket.terminate();
  // The first ones compile the code.
  return Float64Array.from(took.slice(took.length / 10)).sort();
}

/** MB/s received over all connections together. */
async function throughput(port: number, connections: number, forMs: number): Promise<number> {
  let received = 0;
  const data = (_: Bun.Socket, bytes: Uint8Array): void => {
    received += bytes.length;
  };
  const sockets = await Promise.all(
    Array.from({ length: connections }, () => Bun.connect({ hostname: "127.0.0.1", port, socket: { data } })),
  );
  await Bun.sleep(forMs / 10);
  const [before, started] = [received, performance.now()];
  await Bun.sleep(forMs);
  const rate = (received - before) / (performance.now() - started) / 1_000;
  for (const socket of sockets) socket.terminate();
  return rate;
}

const at = (sorted: Float64Array, share: number): number =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN;

async function main(seconds: number): Promise<void> {
  const forMs = seconds * 1_000;
  const [echo, source] = [await part("echo"), await part("source")];
  const proxy = await part("proxy", String(echo.ports[0]), String(source.ports[0]));
  try {
    for (const [name, echoPort, sourcePort] of [
      ["direct", echo.ports[0], source.ports[0]],
      ["proxy", proxy.ports[0], proxy.ports[1]],
    ] as const) {
      const trips = await roundTrips(echoPort ?? 0, forMs);
      const [p50, p99] = [at(trips, 0.5).toFixed(1), at(trips, 0.99).toFixed(1)];
      const one = (await throughput(sourcePort ?? 0, 1, forMs)).toFixed(0);
      const eight = (await throughput(sourcePort ?? 0, 8, forMs)).toFixed(0);
      console.log(
        `${name.padEnd(6)}  round trip p50 ${p50} us, p99 ${p99} us  1 connection ${one} MB/s  8 connections ${eight} MB/s`,
      );
    }
  } finally {
    for (const each of [echo, source, proxy]) each.stop();
  }
}

const [what = "2", ...args] = process.argv.slice(2);
if (what === "echo") console.log(serveEcho());
else if (what === "source") console.log(serveSource());
else if (what === "proxy") console.log(await serveProxies(args));
else await main(Number(what) || 2);

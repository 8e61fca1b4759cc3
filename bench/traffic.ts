/**
 * The traffic of the packet benchmarks, run inside namespaces. Each prints one line of JSON.
 *   traffic.ts sink PORT                       answers UDP pings on PORT, counts all else; see Taken
 *   traffic.ts stamp HOST PORT COUNT RATE      datagrams that carry when they were sent, RATE a second
 *   traffic.ts blast HOST PORT MS              datagrams as fast as can be
 *   traffic.ts flood HOST PORT MS              bytes over one TCP connection as fast as can be
 *   traffic.ts ping HOST PORT COUNT            UDP round trips, one after the other; prints microseconds
 * @module
 */
import { readFileSync } from "node:fs";
import { monotonicMs } from "../test/faults/clock-teller.ts";

/** What a sink has received since it was last asked, which any line on stdin does. */
export interface Taken {
  datagrams: number;
  bytes: number;
  /** When the first and the last of them came, in milliseconds of the sink's own clock. */
  first: number;
  last: number;
  /** One-way, in milliseconds: of stamped datagrams. */
  delays: number[];
  /** Did not fit into the socket. */
  overflows: number;
}

/** First byte of a datagram. */
const PING = 1;
const STAMPED = 2;
const PLAIN = 3;
const DATAGRAM_BYTES = 64;

function overflows(): number {
  const [names = "", values = ""] = readFileSync("/proc/net/snmp", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("Udp:"));
  return Number(values.split(" ")[names.split(" ").indexOf("RcvbufErrors")]);
}

async function sink(port: number): Promise<void> {
  let [datagrams, bytes, first, last, before] = [0, 0, 0, 0, overflows()];
  let delays: number[] = [];
  const count = (size: number): void => {
    last = performance.now();
    if (bytes === 0) first = last;
    bytes += size;
  };
  await Bun.udpSocket({
    hostname: "0.0.0.0",
    port,
    socket: {
      data(socket, datagram, from, address) {
        if (datagram[0] === PING) return void socket.send(datagram, from, address);
        if (datagram[0] === STAMPED) delays.push(monotonicMs() - datagram.readDoubleLE(8));
        datagrams++;
        count(datagram.length);
      },
    },
  });
  Bun.listen({ hostname: "0.0.0.0", port, socket: { data: (_, data) => count(data.length) } });
  console.log("listening");
  for await (const _ of console) {
    const now = overflows();
    const taken: Taken = { datagrams, bytes, first, last, delays, overflows: now - before };
    console.log(JSON.stringify(taken));
    [datagrams, bytes, first, last, before, delays] = [0, 0, 0, 0, now, []];
  }
}

async function stamp(host: string, port: number, total: number, rate: number): Promise<void> {
  const socket = await Bun.udpSocket({});
  const datagram = Buffer.alloc(DATAGRAM_BYTES, STAMPED);
  const started = performance.now();
  for (let sent = 0; sent < total; sent++) {
    const due = started + (sent * 1_000) / rate;
    while (performance.now() < due) await Bun.sleep(Math.max(0, due - performance.now()));
    datagram.writeDoubleLE(monotonicMs(), 8);
    socket.send(datagram, port, host);
  }
}

async function blast(host: string, port: number, forMs: number): Promise<void> {
  const socket = await Bun.udpSocket({ connect: { hostname: host, port } });
  const batch = Array.from({ length: 32 }, () => Buffer.alloc(DATAGRAM_BYTES, PLAIN));
  const end = performance.now() + forMs;
  let sent = 0;
  while (performance.now() < end) {
    sent += socket.sendMany(batch);
    await new Promise((resolve) => setImmediate(resolve));
  }
  console.log(JSON.stringify({ sent }));
}

async function flood(host: string, port: number, forMs: number): Promise<void> {
  const chunk = new Uint8Array(262_144);
  const end = performance.now() + forMs;
  const done = Promise.withResolvers<void>();
  const push = (socket: Bun.Socket): void => {
    while (performance.now() < end) if (socket.write(chunk) < chunk.length) return;
    done.resolve();
  };
  await Bun.connect({ hostname: host, port, socket: { open: push, drain: push, data: () => {} } });
  await done.promise;
}

async function ping(host: string, port: number, total: number): Promise<void> {
  const took: number[] = [];
  const ping = Buffer.alloc(DATAGRAM_BYTES, PING);
  let answered = (): void => {};
  const socket = await Bun.udpSocket({ socket: { data: () => answered() } });
  for (let i = 0; i < total; i++) {
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const sent = performance.now();
    socket.send(ping, port, host);
    // Nothing is lost on the way but what a fault loses: then the next one is sent.
    const answeredInTime = await Promise.race([answer.then(() => true), Bun.sleep(500).then(() => false)]);
    if (answeredInTime) took.push((performance.now() - sent) * 1_000);
  }
  console.log(JSON.stringify(took));
}

if (import.meta.main) {
  const [mode, host = "", port = "", amount = "", rate = ""] = process.argv.slice(2);
  if (mode === "sink") await sink(Number(host));
  else {
    if (mode === "stamp") await stamp(host, Number(port), Number(amount), Number(rate));
    if (mode === "blast") await blast(host, Number(port), Number(amount));
    if (mode === "flood") await flood(host, Number(port), Number(amount));
    if (mode === "ping") await ping(host, Number(port), Number(amount));
    process.exit(0);
  }
}

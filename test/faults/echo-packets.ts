/**
 * Counts packets and checks bytes, run inside namespaces.
 *   echo-packets.ts serve PORT                   UDP sink and TCP receiver; each line on stdin asks for an Arrivals
 *   echo-packets.ts send HOST PORT COUNT RATE    numbered UDP datagrams, RATE a second
 *   echo-packets.ts upload HOST PORT BYTES       prints an Upload
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Arrivals {
  /** Numbers of the datagrams in the order they came in since the last answer. */
  numbers: number[];
  /** Counters of this namespace since its start (/proc/net/snmp): bad UDP checksum, bad IP header, socket full. */
  badChecksums: number;
  badHeaders: number;
  overflows: number;
}
export interface Upload {
  seconds: number;
  /** The receiver's SHA-256 is the sender's. */
  intact: boolean;
}

const PAYLOAD_BYTES = 64;

if (import.meta.main) {
  const [mode, host = "", port = "", amount = "", rate = "0"] = process.argv.slice(2);
  if (mode === "serve") await serve(Number(host));
  else if (mode === "send") await send(host, Number(port), Number(amount), Number(rate));
  else await upload(host, Number(port), Number(amount));
}

function counter(protocol: string, name: string): number {
  const [names = "", values = ""] = readFileSync("/proc/net/snmp", "utf8")
    .split("\n")
    .filter((line) => line.startsWith(`${protocol}:`));
  return Number(values.split(" ")[names.split(" ").indexOf(name)]);
}

async function serve(port: number): Promise<void> {
  let numbers: number[] = [];
  await Bun.udpSocket({
    hostname: "0.0.0.0",
    port,
    socket: { data: (_, datagram) => void numbers.push(datagram.readUInt32LE(0)) },
  });
  // The first 8 bytes of an upload say how long it is.
  Bun.listen<{ left: number; hash: ReturnType<typeof createHash> }>({
    hostname: "0.0.0.0",
    port,
    socket: {
      open: (socket) => {
        socket.data = { left: Number.NaN, hash: createHash("sha256") };
      },
      data: (socket, bytes) => {
        const state = socket.data;
        if (Number.isNaN(state.left)) state.left = bytes.readDoubleLE(0);
        state.left -= bytes.length;
        state.hash.update(bytes);
        if (state.left <= 0) socket.end(state.hash.digest("hex"));
      },
    },
  });
  process.stdout.write("listening\n");
  for await (const _ of console) {
    const arrivals: Arrivals = {
      numbers,
      badChecksums: counter("Udp", "InCsumErrors"),
      badHeaders: counter("Ip", "InHdrErrors"),
      overflows: counter("Udp", "RcvbufErrors"),
    };
    numbers = [];
    process.stdout.write(`${JSON.stringify(arrivals)}\n`);
  }
}

async function send(host: string, port: number, count: number, rate: number): Promise<void> {
  const socket = await Bun.udpSocket({});
  const datagram = Buffer.alloc(PAYLOAD_BYTES);
  const started = performance.now();
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - started) / 1000) * rate));
    // At most 50 at once, however late we are: more might not fit in the receiver's socket.
    for (let burst = 0; sent < due && burst < 50; burst++) {
      datagram.writeUInt32LE(sent, 0);
      if (!socket.send(datagram, port, host)) break;
      sent++;
    }
    await Bun.sleep(1);
  }
  process.exit(0);
}

async function upload(host: string, port: number, bytes: number): Promise<void> {
  const payload = randomBytes(bytes);
  payload.writeDoubleLE(bytes, 0);
  const expected = createHash("sha256").update(payload).digest("hex");
  const done = Promise.withResolvers<string>();
  let sent = 0;
  let answer = "";
  const push = (socket: Bun.Socket): void => {
    if (sent < bytes) sent += socket.write(payload.subarray(sent));
  };
  const started = performance.now();
  await Bun.connect({
    hostname: host,
    port,
    socket: {
      open: push,
      drain: push,
      data: (_, data) => {
        answer += data.toString();
        if (answer.length >= expected.length) done.resolve(answer);
      },
    },
  });
  const intact = (await done.promise) === expected;
  const result: Upload = { seconds: (performance.now() - started) / 1000, intact };
  process.stdout.write(JSON.stringify(result));
  process.exit(0);
}

/** The virtual machine as its checks see it: the binary under test, and the lab it boots. @module */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { exec } from "../../src/lab/exec.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { inNamespace } from "../../src/lab/host/nodes.ts";
import { type NodeName, type Place, PORTS } from "../../src/lab/host/topology.ts";

export const BINARY = "/usr/local/bin/chaoslab";
export const LAB = "vm";

export function start(args: readonly string[]) {
  return Bun.spawn([BINARY, ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

/** Runs the binary to its end; what it prints for people goes to the console's log. */
export async function chaoslab(...args: string[]): Promise<string> {
  const child = start(args);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  process.stderr.write(stderr);
  assert.equal(await child.exited, 0, `chaoslab ${args.join(" ")}: exit code ${child.exitCode}: ${stderr}`);
  return stdout;
}

export function lab(): HostLab {
  const found = findLab(LAB);
  assert.ok(found, `no lab ${LAB}`);
  return found;
}

async function api(path: string, body: unknown, token?: string): Promise<Response> {
  return await fetch(lab().apiUrl + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
}

/** Milliseconds that the slowest of some checkouts takes, a few at a time. */
export async function checkoutMs(count = 20, atOnce = 2): Promise<number> {
  const { token } = (await (await api("/token", { tenant: "tenant-01" })).json()) as { token: string };
  const times: number[] = [];
  const user = async (): Promise<void> => {
    for (let i = 0; i < count / atOnce; i++) {
      const started = performance.now();
      const answer = await api("/orders", { product_id: "p-0001", quantity: 2 }, token);
      times.push(performance.now() - started);
      assert.equal(answer.status, 201, await answer.text());
    }
  };
  await Promise.all(Array.from({ length: atOnce }, user));
  return Math.max(...times);
}

/** Milliseconds of the quickest of some pings from one place of the lab to another. */
export async function pingMs(from: Place, to: Place): Promise<number> {
  const { topology } = lab();
  const argv = ["ping", "-q", "-c", "5", "-i", "0.2", topology.address(to)];
  const { stdout } = await exec(inNamespace(topology, from, argv));
  return Number(/^rtt min\S* = ([\d.]+)/m.exec(stdout)?.[1]);
}

/** Milliseconds until a TCP connection to a node is open, the median of some: one round trip through the lab. */
export async function connectMs(node: NodeName, count = 9): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await connectOnce(lab().topology.address(node), PORTS[node]));
  return times.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? Number.NaN;
}

function connectOnce(host: string, port: number): Promise<number> {
  const started = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = connect({ host, port });
  socket.once("connect", () => {
    resolve(performance.now() - started);
    socket.destroy();
  });
  socket.once("error", reject);
  return promise;
}

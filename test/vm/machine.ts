/** The virtual machine as its checks see it: the binary under test, and the lab it boots. @module */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { type Cgroup, cgroupOf } from "../../src/faults/node/cgroup.ts";
import { exec } from "../../src/lab/exec.ts";
import { cgroupLayout, enterCgroup } from "../../src/lab/host/cgroup.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { type NodeName, type Place, PORTS } from "../../src/lab/host/topology.ts";
import { inNamespace } from "../../src/lab/netns.ts";

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

/** Milliseconds that the slowest of some checkouts and reads of their orders takes, a few at a time. */
export async function checkoutMs(count = 20, atOnce = 2): Promise<number> {
  const { token } = (await (await api("/token", { tenant: "tenant-01" })).json()) as { token: string };
  const times: number[] = [];
  const user = async (): Promise<void> => {
    for (let i = 0; i < count / atOnce; i++) {
      const started = performance.now();
      const answer = await api("/orders", { product_id: "p-0001", quantity: 2 }, token);
      times.push(performance.now() - started);
      const text = await answer.text();
      assert.equal(answer.status, 201, text);
      const read = performance.now();
      const { id } = JSON.parse(text) as { id: string };
      const order = await fetch(`${lab().apiUrl}/orders/${id}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      times.push(performance.now() - read);
      // The replica that it is read from may be a moment behind.
      assert.ok([200, 404].includes(order.status), await order.text());
    }
  };
  await Promise.all(Array.from({ length: atOnce }, user));
  return Math.max(...times);
}

/** Milliseconds of the quickest of some pings from one place of the lab to another. */
export async function pingMs(from: Place, to: Place): Promise<number> {
  const { topology } = lab();
  const argv = ["ping", "-q", "-c", "5", "-i", "0.2", topology.address(to)];
  const { stdout } = await exec(inNamespace(topology.netns(from), argv));
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

/** Milliseconds until a service answers; Infinity when it does not within the limit. */
export async function answerMs(node: NodeName, withinMs: number): Promise<number> {
  const started = performance.now();
  try {
    const signal = AbortSignal.timeout(withinMs);
    // A connection of its own: one that is kept alive may belong to a process that has ended.
    const answer = await fetch(`${lab().topology.url(node)}/healthz`, { signal, keepalive: false });
    await answer.text();
    return performance.now() - started;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

export const groupOf = (node: NodeName): Cgroup => cgroupOf(lab().target(node));

/** Runs a program in a node's own cgroup; it is killed when it goes out of scope. */
export function spawnIn(node: NodeName, argv: string[]): AsyncDisposable & { exited: Promise<number> } {
  // It waits for a line, so that whatever it does it does in the group.
  const waiting = ["sh", "-c", 'read -r _; exec "$@"', "sh", ...argv];
  const child = Bun.spawn(waiting, { stdin: "pipe", stdout: "ignore", stderr: "ignore" });
  enterCgroup(cgroupLayout(), LAB, node, child.pid);
  child.stdin.write("\n");
  void child.stdin.end();
  return {
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

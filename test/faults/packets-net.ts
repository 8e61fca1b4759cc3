/**
 * A small network with a packet counter on each node, and faults injected into it.
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { InjectOptions } from "../../src/faults/controller.ts";
import type { Undo } from "../../src/faults/fault.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { revertAll } from "../../src/faults/revert.ts";
import { exec } from "../../src/lab/exec.ts";
import type { ProcessRef } from "../../src/lab/process.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { FaultType, ParamsOf } from "../../src/model/params.ts";
import type { Arrivals, Upload } from "./echo-packets.ts";
import { Fabric, inside, type Node } from "./fabric.ts";

const PORT = 7100;
/** An emulated machine (qemu without KVM) sends and counts more slowly: CHAOSLAB_TEST_SLOWNESS=5. */
const slowness = Number(process.env.CHAOSLAB_TEST_SLOWNESS ?? 1);
const script = (name: string): string => resolve(import.meta.dir, name);
const tool = (...args: string[]): string[] => [process.execPath, script("echo-packets.ts"), ...args];

class Counter {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  constructor(netns: string) {
    const argv = inside(netns, tool("serve", `${PORT}`));
    this.#child = Bun.spawn(argv, { stdin: "pipe", stdout: "pipe" });
    this.#lines = linesOf(this.#child.stdout);
  }
  async listening(): Promise<void> {
    await this.#lines.next();
  }
  /** What came in since the last call. */
  async take(): Promise<Arrivals> {
    this.#child.stdin.write("\n");
    await this.#child.stdin.flush();
    return JSON.parse((await this.#lines.next()).value ?? "") as Arrivals;
  }
  stop(): void {
    this.#child.kill("SIGKILL");
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return "";
}

export class PacketNet {
  readonly fabric: Fabric;
  #folder: string | null = null;
  readonly #journals: string[] = [];
  readonly #counters = new Map<Node, Counter>();
  readonly #owners: Bun.Subprocess[] = [];

  constructor(name: string) {
    this.fabric = new Fabric(`clpackets-${process.pid}-${name}`);
  }

  async up(): Promise<void> {
    await this.fabric.up();
    for (const node of ["a", "b", "c"] as const) {
      const counter = new Counter(this.fabric.path(node));
      this.#counters.set(node, counter);
      await counter.listening();
    }
    // Neighbours get to know each other: netem may lose ARP too, and its second try is a second later.
    for (const path of ["ab", "bc", "ca"]) {
      const [from, to] = [...path] as [Node, Node];
      if ((await this.passing(from, to)) !== 1) throw new Error(`${from} does not reach ${to}`);
    }
  }

  /** Reverts what a test left behind. */
  async clean(): Promise<void> {
    for (const owner of this.#owners) owner.kill("SIGKILL");
    for (const journal of this.#journals) await revertAll(journal);
  }

  async down(): Promise<void> {
    await this.clean();
    for (const counter of this.#counters.values()) counter.stop();
    await this.fabric.down();
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true });
  }

  /** Sends numbered datagrams and waits until no more come in. `numbers` has those that arrived. */
  async send(from: Node, to: Node, count: number, rate = 4_000 / slowness): Promise<Arrivals> {
    const counter = this.#counters.get(to);
    if (!counter) throw new Error(`no counter on ${to}`);
    const before = await counter.take();
    const argv = tool("send", this.fabric.address(to), `${PORT}`, `${count}`, `${rate}`);
    await exec(inside(this.fabric.path(from), argv));
    let all = await counter.take();
    let quietTurns = 0;
    const quiet = async (): Promise<boolean> => {
      const more = await counter.take();
      all = { ...more, numbers: [...all.numbers, ...more.numbers] };
      quietTurns = more.numbers.length === 0 ? quietTurns + 1 : 0;
      return quietTurns === 3;
    };
    await waitFor(quiet, { what: "the last datagram", timeoutMs: 10_000, intervalMs: 60 * slowness });
    return {
      numbers: all.numbers,
      badChecksums: all.badChecksums - before.badChecksums,
      badHeaders: all.badHeaders - before.badHeaders,
      overflows: all.overflows - before.overflows,
    };
  }

  /** Share of 200 datagrams that arrive. */
  async passing(from: Node, to: Node): Promise<number> {
    return (await this.send(from, to, 200)).numbers.length / 200;
  }

  async upload(from: Node, to: Node, bytes: number): Promise<Upload> {
    const argv = tool("upload", this.fabric.address(to), `${PORT}`, `${bytes}`);
    return JSON.parse((await exec(inside(this.fabric.path(from), argv))).stdout) as Upload;
  }

  fault<T extends FaultType>(
    backend: string,
    type: T,
    target: Node,
    params: ParamsOf<T> & { peer?: string },
  ): InjectOptions {
    this.#folder ??= mkdtempSync(join(tmpdir(), "cltest-packets-"));
    const journal = join(this.#folder, `faults-${this.#journals.length}.ndjson`);
    this.#journals.push(journal);
    return {
      journal,
      backend,
      fault: { type, target, params },
      ...this.fabric.targetsOf(target, params.peer),
      maxLifetimeMs: 120_000,
    };
  }

  /** Injects from another process, which can be killed. */
  async owner(given: InjectOptions): Promise<Bun.Subprocess> {
    const argv = [process.execPath, script("owner.ts"), JSON.stringify(given)];
    const owner = Bun.spawn(argv, { stdout: "pipe" });
    this.#owners.push(owner);
    await owner.stdout.getReader().read();
    return owner;
  }

  /** Everything of ours on the machine: rules in the fabric, qdiscs on either end of b's link. */
  async traces(): Promise<string[]> {
    const rules = (await this.fabric.rules()).filter((line) => line.includes("chaoslab:"));
    const qdiscs: string[] = [];
    for (const netns of [this.fabric.path("b"), this.fabric.path("fabric")]) {
      qdiscs.push(...(await exec(inside(netns, ["tc", "qdisc", "show"]))).stdout.split("\n"));
    }
    return [...rules, ...qdiscs.filter((line) => /netem|prio|tbf|htb/.test(line))];
  }
}

/** What undoes the only open fault of a journal, and what marks its rules and qdiscs. */
export function undoOf(journal: string): { undo: Undo; comment?: string; root?: { handle: string } } {
  const undo = openFaults(journal)[0]?.undo;
  if (!undo) throw new Error("no fault is open");
  return { ...undo, undo };
}

export function workerOf(journal: string): ProcessRef | null {
  const undo = openFaults(journal)[0]?.undo;
  return undo && "worker" in undo ? (undo.worker as ProcessRef) : null;
}

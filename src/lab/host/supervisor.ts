/**
 * Keeps the nodes of a lab running: starts them inside their namespace and cgroup, watches them, and starts
 * a dead one again after a back-off.
 * @module
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { ChaoslabError, reasonOf } from "../../cli/errors.ts";
import type { NodeState, NodeStatus } from "../lab.ts";
import { waitFor } from "../wait.ts";
import { type CgroupLayout, cgroupProcesses, enterCgroup, killCgroup } from "./cgroup.ts";
import type { NodeSpec } from "./nodes.ts";
import type { LabPaths } from "./record.ts";
import { type NodeName, PORTS, type Topology } from "./topology.ts";

/** First wait before a restart, doubled up to the last; back to the first after a node stayed ready this long. */
export const BACKOFF_FIRST_MS = 250;
export const BACKOFF_LAST_MS = 8_000;
const STABLE_MS = 10_000;
const READY_POLL_MS = 50;
/** A node that ends this often while it boots will not come up. */
const BOOT_FAILURES = 4;
const STOP_GRACE_MS = 3_000;

export function backoffMs(failures: number): number {
  return Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** Math.max(0, failures - 1));
}

class SupervisedNode {
  state: NodeState = "stopped";
  since = Date.now();
  restarts = 0;
  failures = 0;
  lastExit: string | null = null;
  process: Bun.Subprocess | null = null;
  constructor(readonly spec: NodeSpec) {}

  enter(state: NodeState): void {
    this.state = state;
    this.since = Date.now();
  }
}

export class Supervisor {
  readonly #nodes: Map<NodeName, SupervisedNode>;
  readonly #stopping = new AbortController();

  constructor(
    specs: Readonly<Partial<Record<NodeName, NodeSpec>>>,
    readonly topology: Topology,
    readonly paths: LabPaths,
    readonly cgroups: CgroupLayout,
    readonly log: (message: string) => void,
  ) {
    this.#nodes = new Map(Object.values(specs).map((spec) => [spec.name, new SupervisedNode(spec)]));
  }

  #node(name: NodeName): SupervisedNode {
    const node = this.#nodes.get(name);
    if (!node) throw new RangeError(`no node ${name}`);
    return node;
  }

  status(): NodeStatus[] {
    return [...this.#nodes].map(([name, node]) => ({
      name,
      state: node.state,
      address: this.topology.address(name),
      port: PORTS[name],
      pid: node.process?.pid ?? null,
      restarts: node.restarts,
      since: node.since,
      last_exit: node.lastExit,
    }));
  }

  /** Starts a node and waits until it answers. */
  async start(name: NodeName, timeoutMs: number): Promise<void> {
    const node = this.#node(name);
    this.#spawn(node);
    const hint = (): string | undefined => this.#lastLogLine(name);
    const outcome = await waitFor(
      () => (node.state === "ready" ? "ready" : node.failures >= BOOT_FAILURES && "failing"),
      { what: `${name} to become ready`, timeoutMs, hint, signal: this.#stopping.signal },
    );
    if (outcome === "failing") {
      throw new ChaoslabError("labFailed", `${name} ended ${node.failures} times (${node.lastExit})`, hint());
    }
  }

  #spawn(node: SupervisedNode): void {
    const { spec } = node;
    const log = openSync(this.paths.log(spec.name), "a", 0o644);
    writeSync(log, `--- ${new Date().toISOString()} start ${node.restarts}\n`);
    const child = Bun.spawn(spec.argv, {
      env: { PATH: process.env.PATH ?? "", ...spec.env },
      cwd: this.paths.dir,
      stdin: "ignore",
      stdout: log,
      stderr: log,
    });
    try {
      // The process is still in nsenter or setpriv, which exec in place: all it becomes and starts is in the group.
      enterCgroup(this.cgroups, this.topology.lab, spec.name, child.pid);
    } catch (error) {
      // Outside of its group no fault and no teardown would reach it. It counts as a node that ended.
      child.kill("SIGKILL");
      writeSync(log, `not started: ${reasonOf(error)}\n`);
    }
    closeSync(log);
    node.process = child;
    node.enter("starting");
    void this.#watchReady(node, child);
    void child.exited.then(() => this.#ended(node, child));
  }

  async #watchReady(node: SupervisedNode, child: Bun.Subprocess): Promise<void> {
    while (node.process === child && !this.#stopping.signal.aborted) {
      const ready = await node.spec.ready().catch(() => false);
      if (node.process !== child) return;
      if (ready) {
        node.enter("ready");
        this.log(`${node.spec.name}: ready, pid ${child.pid}`);
        return;
      }
      await Bun.sleep(READY_POLL_MS);
    }
  }

  async #ended(node: SupervisedNode, child: Bun.Subprocess): Promise<void> {
    const { name } = node.spec;
    const wasStable = node.state === "ready" && Date.now() - node.since >= STABLE_MS;
    node.process = null;
    node.lastExit = child.signalCode ? `signal ${child.signalCode}` : `exit code ${child.exitCode}`;
    if (this.#stopping.signal.aborted) {
      node.enter("stopped");
      return;
    }
    node.failures = wasStable ? 1 : node.failures + 1;
    const wait = backoffMs(node.failures);
    node.enter("backoff");
    this.log(`${name}: ended by ${node.lastExit}, starting again in ${wait} ms`);
    await Bun.sleep(wait);
    if (this.#stopping.signal.aborted) return;
    // Orphans of the dead process (Postgres backends) would hold its port and its data.
    killCgroup(this.cgroups, this.topology.lab, name);
    await waitFor(() => cgroupProcesses(this.cgroups, this.topology.lab, name).length === 0, {
      what: `the processes left of ${name} to end`,
      timeoutMs: 5_000,
    }).catch((error: unknown) => this.log(String(error)));
    if (this.#stopping.signal.aborted) return;
    node.restarts++;
    this.#spawn(node);
  }

  /** Ends all nodes: asked first, killed after a grace. */
  async stop(): Promise<void> {
    this.#stopping.abort(new ChaoslabError("aborted", "the lab is being taken down"));
    const running = [...this.#nodes.values()].filter((node) => node.process !== null);
    for (const node of running) node.process?.kill(node.spec.stopSignal);
    const allEnded = Promise.all(running.map((node) => node.process?.exited));
    await Promise.race([allEnded, Bun.sleep(STOP_GRACE_MS)]);
    for (const node of running) node.process?.kill("SIGKILL");
  }

  #lastLogLine(name: NodeName): string | undefined {
    const lines = readFileSync(this.paths.log(name), "utf8").trim().split("\n");
    const last = lines.findLast((line) => !line.startsWith("---"));
    return last ? `its log ends: ${last.slice(0, 300)}` : undefined;
  }
}

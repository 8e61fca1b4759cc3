/** Latency on real packets between real namespaces, with every backend that this kernel has. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type ActiveFault, type InjectOptions, inject } from "../../src/faults/controller.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { netem } from "../../src/faults/network/netem.ts";
import { nfqueue } from "../../src/faults/network/nfqueue.ts";
import { remains } from "../../src/faults/registry.ts";
import { revertAll } from "../../src/faults/revert.ts";
import { exec } from "../../src/lab/exec.ts";
import { isAlive, type ProcessRef } from "../../src/lab/process.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { LatencyParams } from "../../src/model/params.ts";
import { Fabric, inside, type Node } from "./fabric.ts";
import { undoOf } from "./packets-net.ts";

setDefaultTimeout(60_000);
const BUN = process.execPath;
const script = (name: string): string => resolve(import.meta.dir, name);
const echo = (...args: string[]): string[] => [BUN, script("echo.ts"), ...args];

/**
 * How far measured times may be off, in milliseconds. An emulated machine (qemu without KVM, about 8 times
 * slower) needs CHAOSLAB_TEST_SLOWNESS=5 or so.
 */
const slowness = Number(process.env.CHAOSLAB_TEST_SLOWNESS ?? 1);
const within = (ms: number): number => ms * slowness;
/** Round trips of an undisturbed network take less than this. */
const UNDISTURBED_MS = within(5);

const folder = mkdtempSync(join(tmpdir(), "cltest-"));
const fabrics: Fabric[] = [];
const children: Bun.Subprocess[] = [];

const probed: FaultProbe = {
  id: "probe",
  params: { delay_ms: 1, peer: "a" },
  ...new Fabric("none").targetsOf("b", "a"),
  maxLifetimeMs: 1_000,
};
type FaultProbe = Parameters<typeof netem.probe>[0];
const available = { netem: await netem.probe(probed), nfqueue: await nfqueue.probe(probed) };

async function fabric(name: string): Promise<Fabric> {
  const made = new Fabric(`cltest-${process.pid}-${name}`);
  fabrics.push(made);
  await made.up();
  return made;
}

/** Echo server in the node's namespace. */
async function serve(net: Fabric, node: Node): Promise<void> {
  const child = Bun.spawn(inside(net.path(node), echo("serve", "7000")), { stdout: "pipe" });
  children.push(child);
  await child.stdout.getReader().read();
}

async function roundTrips(
  net: Fabric,
  from: Node,
  to: Node,
  count: number,
  connections = 1,
): Promise<number[]> {
  const argv = echo("ping", net.address(to), "7000", `${count}`, `${connections}`);
  return JSON.parse((await exec(inside(net.path(from), argv))).stdout) as number[];
}

const mean = (all: number[]): number => all.reduce((sum, each) => sum + each, 0) / all.length;
const quantile = (all: number[], q: number): number =>
  all.toSorted((x, y) => x - y)[Math.floor(q * (all.length - 1))] ?? NaN;
const median = (all: number[]): number => quantile(all, 0.5);

const journals: string[] = [];
function journalPath(): string {
  const path = join(folder, `faults-${journals.length}.ndjson`);
  journals.push(path);
  return path;
}

// A test that fails must not leave its fault to the next.
afterEach(async () => {
  for (const journal of journals) await revertAll(journal);
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  for (const net of fabrics) await net.down();
  rmSync(folder, { recursive: true });
});

for (const backend of ["netem", "nfqueue"] as const) {
  describe.skipIf(available[backend] !== null)(`latency by ${backend}`, () => {
    let net: Fabric;
    beforeAll(async () => {
      net = await fabric(backend);
      for (const node of ["a", "b", "c"] as const) await serve(net, node);
    });

    const options = (target: Node, params: LatencyParams, journal = journalPath()): InjectOptions => ({
      journal,
      backend,
      fault: { type: "latency", target, params },
      ...net.targetsOf(target, params.peer),
      maxLifetimeMs: 120_000,
    });
    const workerOf = (journal: string): ProcessRef | null => {
      const undo = openFaults(journal)[0]?.undo;
      return undo && "worker" in undo ? (undo.worker as ProcessRef) : null;
    };
    /** What the fault put on the machine. */
    const traces = async (): Promise<string[]> => {
      const rules = (await net.rules()).filter((line) => line.includes("chaoslab:"));
      const { stdout } = await exec(inside(net.path("b"), ["tc", "qdisc", "show"]));
      return [
        ...rules,
        ...stdout.split("\n").filter((line) => line.includes("netem") || line.includes("prio")),
      ];
    };

    test("adds the delay to each round trip, shows evidence, and is gone after revert", async () => {
      const given = options("b", { delay_ms: 100 });
      const before = median(await roundTrips(net, "a", "b", 50));
      expect(before).toBeLessThan(UNDISTURBED_MS);
      const active: ActiveFault = await inject(given);
      const worker = workerOf(given.journal);
      expect(worker !== null).toBe(backend === "nfqueue");
      const trips = await roundTrips(net, "a", "b", 25);
      expect(Math.abs(median(trips) - before - 100)).toBeLessThan(within(2));
      expect(quantile(trips, 0)).toBeGreaterThanOrEqual(99.9);

      const evidence = await active.verify();
      expect(evidence).toMatchObject({ landed: true, measures: { dropped_packets: 0 } });
      expect(evidence.measures.packets).toBeGreaterThanOrEqual(25);
      const { mean_delay_ms } = evidence.measures;
      if (mean_delay_ms !== undefined) expect(Math.abs(mean_delay_ms - 100)).toBeLessThan(within(2));

      const event = await active.revert();
      expect(event).toMatchObject({
        fault_type: "latency",
        target: "b",
        backend,
        evidence: { landed: true },
        gone: true,
        remains: null,
      });
      expect(event.t_stop).toBeGreaterThan(event.t_start);
      expect(median(await roundTrips(net, "a", "b", 50))).toBeLessThan(UNDISTURBED_MS);
      expect(await traces()).toEqual([]);
      expect(openFaults(given.journal)).toEqual([]);
      if (worker) expect(isAlive(worker)).toBe(false);

      expect(await active.revert()).toEqual(event);
      expect(await revertAll(given.journal)).toEqual([]);
    });

    test("spreads the delay evenly over the jitter, around the delay", async () => {
      await using _ = await inject(options("b", { delay_ms: 200, jitter_ms: 50, seed: 7 }));
      const trips = await roundTrips(net, "a", "b", 600, 30);
      // Uniform on 150 to 250: standard error of the mean is 29 / sqrt(600) = 1.2 ms.
      expect(Math.abs(mean(trips) - 200)).toBeLessThan(within(8));
      expect(quantile(trips, 0)).toBeGreaterThanOrEqual(149.9);
      expect(quantile(trips, 0.01)).toBeLessThan(150 + within(10));
      expect(Math.abs(quantile(trips, 0.25) - 175)).toBeLessThan(within(12));
      expect(Math.abs(quantile(trips, 0.75) - 225)).toBeLessThan(within(12));
      expect(quantile(trips, 0.99)).toBeGreaterThan(240);
      expect(quantile(trips, 0.99)).toBeLessThan(250 + within(10));
    });

    test("delays only what goes to the peer, when there is one", async () => {
      await using active = await inject(options("b", { delay_ms: 60, peer: "a" }));
      expect(Math.abs(median(await roundTrips(net, "a", "b", 20)) - 60)).toBeLessThan(within(2));
      expect(Math.abs(median(await roundTrips(net, "b", "a", 20)) - 60)).toBeLessThan(within(2));
      expect(median(await roundTrips(net, "c", "b", 20))).toBeLessThan(UNDISTURBED_MS);
      expect(median(await roundTrips(net, "a", "c", 20))).toBeLessThan(UNDISTURBED_MS);
      expect((await active.verify()).landed).toBe(true);
      await active.revert();
      expect(median(await roundTrips(net, "a", "b", 20))).toBeLessThan(UNDISTURBED_MS);
      expect(await traces()).toEqual([]);
    });

    test("two faults on different targets add up and are reverted one by one", async () => {
      const journal = journalPath();
      const first = await inject(options("a", { delay_ms: 30 }, journal));
      const second = await inject(options("b", { delay_ms: 40 }, journal));
      expect(Math.abs(median(await roundTrips(net, "a", "b", 20)) - 70)).toBeLessThan(within(3));
      await first.revert();
      expect(Math.abs(median(await roundTrips(net, "a", "b", 20)) - 40)).toBeLessThan(within(2));
      await second.revert();
      expect(await traces()).toEqual([]);
    });

    test("a second fault on the same packets is refused and changes nothing", async () => {
      await using _ = await inject(options("b", { delay_ms: 20 }));
      const before = await traces();
      const second = options("b", { delay_ms: 10, peer: "a" });
      await expect(inject(second)).rejects.toMatchObject({
        kind: "busy",
        message: expect.stringMatching(/^b: [^\n]+$/),
      });
      expect(await traces()).toEqual(before);
      expect(openFaults(second.journal)).toEqual([]);
    });

    test("bulk data gets through a delay without collapsing", async () => {
      await using active = await inject(options("b", { delay_ms: 20 }));
      for (const [from, to] of [
        ["a", "b"],
        ["b", "a"],
      ] as const) {
        const argv = echo("upload", net.address(to), "7000", `${10_000_000}`);
        const seconds = Number((await exec(inside(net.path(from), argv))).stdout);
        // Slow start needs about 12 round trips of 20 ms; a collapse is a packet or two per round trip.
        expect(seconds).toBeLessThan(5);
      }
      expect((await active.verify()).measures.dropped_packets).toBe(0);
    });

    test("after SIGKILL of its owner the fault is reverted by another process", async () => {
      const given = options("b", { delay_ms: 100 });
      const watch = Bun.spawn(inside(net.path("a"), echo("watch", net.address("b"), "7000")), {
        stdout: "pipe",
      });
      children.push(watch);
      let last = Number.NaN;
      const follow = (async () => {
        for await (const chunk of watch.stdout)
          last = Number(new TextDecoder().decode(chunk).trim().split("\n").at(-1));
      })();
      const owner = Bun.spawn([BUN, script("owner.ts"), JSON.stringify(given)], { stdout: "pipe" });
      children.push(owner);
      await owner.stdout.getReader().read();
      await waitFor(() => last > 95, { what: "the delay to be felt", timeoutMs: 5_000, intervalMs: 5 });
      const worker = workerOf(given.journal);

      owner.kill("SIGKILL");
      if (backend === "nfqueue") {
        // The worker sees its stdin end and lets go; the rule that is left passes packets on.
        const killed = performance.now();
        await waitFor(() => last < UNDISTURBED_MS, { what: "full speed", timeoutMs: 2_000, intervalMs: 1 });
        expect(performance.now() - killed).toBeLessThan(within(500));
        expect((await traces()).length).toBe(1);
      }
      expect(await revertAll(given.journal)).toMatchObject([
        { error: null, event: { target: "b", backend, gone: true } },
      ]);
      await waitFor(() => last < UNDISTURBED_MS, { what: "full speed", timeoutMs: 2_000, intervalMs: 1 });
      expect(await traces()).toEqual([]);
      expect(openFaults(given.journal)).toEqual([]);
      if (worker) await waitFor(() => !isAlive(worker), { what: "the worker to end", timeoutMs: 2_000 });
      expect(await revertAll(given.journal)).toEqual([]);
      watch.kill();
      await follow;
    });

    test("nothing stays when the owner is killed at any moment of injecting", async () => {
      for (let afterMs = 0; afterMs < 150; afterMs += 15) {
        const given = options("b", { delay_ms: 50 });
        const owner = Bun.spawn([BUN, script("owner.ts"), JSON.stringify(given)]);
        await Bun.sleep(afterMs);
        owner.kill("SIGKILL");
        await owner.exited;
        const worker = workerOf(given.journal);
        for (const { error } of await revertAll(given.journal)) expect(error).toBeNull();
        expect(await traces()).toEqual([]);
        if (worker) await waitFor(() => !isAlive(worker), { what: "the worker to end", timeoutMs: 2_000 });
      }
    });

    test("another process may revert while the owner lives; the owner's own revert is then fine", async () => {
      const given = options("b", { delay_ms: 50 });
      const active = await inject(given);
      expect(await revertAll(given.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
      expect(median(await roundTrips(net, "a", "b", 20))).toBeLessThan(UNDISTURBED_MS);
      expect((await active.verify()).landed).toBe(false);
      expect(await active.revert()).toMatchObject({ t_stop: expect.any(Number), gone: true, remains: null });
    });

    test("rules and qdiscs that others made stay, and their queue numbers are not used", async () => {
      const rule = (...args: string[]) =>
        exec(inside(net.path("fabric"), ["iptables", "-w", "-t", "mangle", ...args]));
      const foreign = ["-s", "203.0.113.7/32", "-m", "comment", "--comment", "not chaoslab:f-1 at all"];
      await rule("-A", "FORWARD", ...foreign, "-j", "NFQUEUE", "--queue-num", "19456");
      await exec(inside(net.path("c"), ["tc", "qdisc", "add", "dev", "eth0", "root", "handle", "1:", "htb"]));
      try {
        const before = await net.rules();
        const qdisc = await exec(inside(net.path("c"), ["tc", "qdisc", "show"]));
        const active = await inject(options("b", { delay_ms: 20 }));
        await active.revert();
        if (backend === "netem")
          await expect(inject(options("c", { delay_ms: 20 }))).rejects.toMatchObject({ kind: "busy" });
        expect(await net.rules()).toEqual(before);
        expect(before.length).toBe(1);
        expect((await exec(inside(net.path("c"), ["tc", "qdisc", "show"]))).stdout).toBe(qdisc.stdout);
      } finally {
        await rule("-F", "FORWARD");
        await exec(inside(net.path("c"), ["tc", "qdisc", "del", "dev", "eth0", "root"]));
      }
    });

    test("is said to be gone only when it is", async () => {
      const given = options("b", { delay_ms: 20 });
      const active = await inject(given);
      const { undo, comment = "", root } = undoOf(given.journal);
      const seen =
        backend === "netem"
          ? `qdisc netem ${root?.handle} on eth0 in ${net.path("b")}`
          : `a rule of iptables with comment ${comment} in ${net.path("fabric")}`;
      const worker = workerOf(given.journal);
      expect(await remains(undo)).toBe(worker ? `${seen}, packet worker ${worker.pid}` : seen);
      await active.revert();
      expect(await remains(undo)).toBeNull();
      const [where, there, back] =
        backend === "netem"
          ? ([
              net.path("b"),
              ["tc", "qdisc", "del", "dev", "eth0", "root"],
              ["tc", "qdisc", "add", "dev", "eth0", "root", "handle", root?.handle ?? "", "netem"],
            ] as const)
          : ([
              net.path("fabric"),
              ["iptables", "-w", "-t", "mangle", "-F", "FORWARD"],
              ["iptables", "-w", "-t", "mangle", "-A", "FORWARD", "-m", "comment", "--comment", comment],
            ] as const);
      await exec(inside(where, [...back]));
      expect(await remains(undo)).toBe(seen);
      await exec(inside(where, [...there]));
      expect(await remains(undo)).toBeNull();
    });

    test("undo is fine after the namespaces are gone", async () => {
      const given = options("b", { delay_ms: 20 });
      const gone = await fabric(`${backend}-gone`);
      const active = await inject({ ...given, target: gone.target("b") });
      const worker = workerOf(given.journal);
      await gone.down();
      expect(await revertAll(given.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
      if (worker) expect(isAlive(worker)).toBe(false);
      expect(await active.revert()).toMatchObject({ t_stop: expect.any(Number), gone: true, remains: null });
    });
  });
}

test("the packet worker ends by itself when its lifetime is over", async () => {
  const argv = [
    BUN,
    resolve(import.meta.dir, "../../src/main.ts"),
    "internal",
    "nfqueue",
    "--queue",
    "9",
    "--delay-ms",
    "5",
  ];
  const rest = ["--jitter-ms", "0", "--seed", "1", "--max-lifetime-ms", "300"];
  const worker = Bun.spawn(["unshare", "--net", ...argv, ...rest], { stdin: "pipe", stdout: "pipe" });
  children.push(worker);
  expect(await worker.exited).toBe(0);
});

test.skipIf(available.netem === null)("a kernel without the mechanism is refused in one line", async () => {
  const net = await fabric("refused");
  const given: InjectOptions = {
    journal: journalPath(),
    backend: "netem",
    fault: { type: "latency", target: "b", params: { delay_ms: 1 } },
    target: net.target("b"),
  };
  await expect(inject(given)).rejects.toMatchObject({
    kind: "prerequisite",
    message: expect.stringMatching(/^latency: not possible on this machine: netem \([^\n]+\)$/),
  });
  expect(await Bun.file(given.journal).exists()).toBe(false);
});

test("missing programs are named in one line", async () => {
  const given: InjectOptions = {
    journal: journalPath(),
    fault: { type: "latency", target: "b", params: { delay_ms: 1 } },
    target: new Fabric("none").target("b"),
  };
  // Only unshare and nsenter on the PATH, as on a machine without iproute2 and iptables.
  const bin = join(folder, "bin");
  await exec(["mkdir", bin]);
  for (const name of ["unshare", "nsenter"]) await exec(["ln", "-s", Bun.which(name) ?? "", join(bin, name)]);
  const owner = Bun.spawn([BUN, script("owner.ts"), JSON.stringify(given)], {
    env: { PATH: bin },
    stderr: "pipe",
  });
  children.push(owner);
  const said = await owner.stderr.text();
  expect(said).toContain(
    "not possible on this machine: netem (tc is not installed); nfqueue (iptables is not installed)",
  );
});

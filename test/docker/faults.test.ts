/**
 * Faults in containers: experiments with every family, every other fault once, the death of a target in the midst of each
 * mechanism, starts that are followed, and the same from the controller in its container.
 */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { RunDocument } from "../../src/experiment/store.ts";
import { type ActiveFault, inject } from "../../src/faults/controller.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { remains } from "../../src/faults/registry.ts";
import { revertAll } from "../../src/faults/revert.ts";
import { volumePath } from "../../src/lab/docker/container.ts";
import { DockerLab } from "../../src/lab/docker/lab.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { EXAMPLES } from "../../src/model/examples.ts";
import type { FaultEvent } from "../../src/model/fault.ts";
import type { FaultType } from "../../src/model/params.ts";
import { chaoslab, start } from "../support.ts";
import { Compose, TOKEN } from "./compose.ts";
import { type Engine, startEngine } from "./engine.ts";
import { familySchedule } from "./families.ts";
import { pictureOf } from "./picture.ts";

setDefaultTimeout(60_000);

const engine = await startEngine();
if (typeof engine === "string") process.stderr.write(`docker: skipped: ${engine}\n`);
else afterAll(() => engine[Symbol.asyncDispose]());

/** Params that show at sixty requests a second. */
const PARAMS: Partial<Record<FaultType, Readonly<Record<string, unknown>>>> = {
  loss: { loss_percent: 30 },
  duplicate: { duplicate_percent: 30 },
  corrupt: { corrupt_percent: 30 },
  bandwidth: { rate_kbit: 100 },
  cpu: { cores: 0.1 },
  memory: { limit_mib: 12 },
  toxic: { toxic: "latency", latency_ms: 50 },
};
const TARGETS: Partial<Record<FaultType, string>> = { dependency: "payments", disk: "pg-primary" };

/** Not in an experiment of {@link familySchedule}. */
const ONCE: readonly FaultType[] = [
  ...(["loss", "duplicate", "corrupt", "reorder", "bandwidth", "partition"] as const),
  ...(["stop", "restart", "memory", "disk"] as const),
];
/** One of each mechanism. */
const MECHANISMS: readonly FaultType[] = [
  ...(["latency", "bandwidth", "partition", "kill", "stop", "restart"] as const),
  ...(["cpu", "memory", "disk", "clock", "toxic", "dependency"] as const),
];
/** What ends with a container's namespace or cgroup. */
const FOLLOWED: readonly FaultType[] = ["latency", "bandwidth", "partition", "cpu"];

describe.skipIf(typeof engine === "string")("faults in containers", () => {
  const { host, scratch } = engine as Engine;
  const env = { DOCKER_HOST: host, CHAOSLAB_HOME: join(scratch, "state") };
  const compose = new Compose(engine as Engine, "chaoslab-faults", ["docker/through-toxiproxy.yml"]);
  const before = { ...process.env };
  let lab: DockerLab;
  let calm: unknown;
  let load: ReturnType<typeof start> | null = null;

  const run = (...args: string[]) => chaoslab([...args, "--lab", "docker"], { env });
  const ready = async (): Promise<boolean> => (await lab.nodes()).every(({ state }) => state === "ready");
  const settled = () => waitFor(ready, { what: "every node to be ready", timeoutMs: 40_000 });

  beforeAll(async () => {
    Object.assign(process.env, env);
    await compose.run("up", "--detach", "--no-build");
    lab = await DockerLab.open();
    await settled();
    calm = await pictureOf(lab);
  });
  afterAll(async () => {
    load?.kill("SIGKILL");
    await compose.run("down", "--volumes", "--timeout", "2");
    expect(await compose.left()).toEqual([]);
    process.env.DOCKER_HOST = before.DOCKER_HOST;
    process.env.CHAOSLAB_HOME = before.CHAOSLAB_HOME;
    if (before.DOCKER_HOST === undefined) delete process.env.DOCKER_HOST;
    if (before.CHAOSLAB_HOME === undefined) delete process.env.CHAOSLAB_HOME;
  });

  /** What a failed test has left must not fail the next. */
  afterEach(async () => {
    for (const { error } of await revertAll(lab.paths.journal)) expect(error).toBeNull();
  });

  /** Kills the container. One that has just ended by itself is kept from being started again. */
  async function dockerKill(id: string): Promise<void> {
    const { docker } = engine as Engine;
    await docker("kill", id).catch(() => docker("stop", "--time", "0", id));
  }

  /** Beside the tests that look whether a fault meets something. */
  const loading = (): void => {
    load ??= start(["load", "--lab", "docker", "--rate", "60", "--for", "10m", "--quiet"], { env });
  };

  async function injectOn(
    type: FaultType,
    target = TARGETS[type] ?? "orders-2",
    params = PARAMS[type] ?? EXAMPLES[type],
  ): Promise<ActiveFault> {
    const fault = { type, target, params };
    return inject({ journal: lab.paths.journal, fault, ...(await lab.targetsOf(fault)) });
  }

  const landed = (fault: ActiveFault, isMeant: (event: FaultEvent) => boolean = () => true) =>
    waitFor(async () => (await fault.verify()).landed && isMeant(fault.event), {
      what: `${fault.event.fault_type} to land`,
      timeoutMs: 15_000,
      intervalMs: 100,
    });

  async function looksAsBefore(): Promise<void> {
    await settled();
    const same = async (): Promise<boolean> => Bun.deepEquals(await pictureOf(lab), calm);
    await waitFor(same, { what: "the lab to look as before", timeoutMs: 5_000 }).catch(() => {});
    expect(await pictureOf(lab)).toEqual(calm);
    expect(openFaults(lab.paths.journal)).toEqual([]);
  }

  test("experiments with every family reach their verdicts, each fault seen to land and to go", async () => {
    const schedule = familySchedule(scratch);
    const argv = ["run", schedule, "--json", "--quiet", "--out", join(scratch, "results")];
    const { code, stdout, stderr } = await run(...argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { verdicts } = JSON.parse(stdout) as RunDocument;
    const events = verdicts.flatMap(({ fault_events }) => fault_events);
    expect(events).toHaveLength(6);
    const amiss = events.filter(({ evidence, gone }) => !evidence?.landed || !gone);
    expect(amiss).toEqual([]);
    const unknown = verdicts.filter(({ result }) => result === "inconclusive");
    expect(unknown.map(({ hypothesis, reasons }) => ({ hypothesis, reasons }))).toEqual([]);
    await looksAsBefore();
  }, 240_000);

  describe("lands, and is wholly undone:", () => {
    for (const type of ONCE) {
      test(type, async () => {
        loading();
        const fault = await injectOn(type);
        await landed(fault);
        expect(await fault.revert()).toMatchObject({ gone: true, remains: null });
        await looksAsBefore();
      });
    }
  });

  describe("leaves nothing when its container is killed by the engine meanwhile, and started later:", () => {
    for (const type of MECHANISMS) {
      test(type, async () => {
        loading();
        const target = TARGETS[type] ?? (MECHANISMS.indexOf(type) % 2 === 0 ? "orders-2" : "orders-1");
        const fault = await injectOn(type, target, EXAMPLES[type]);
        const [open] = openFaults(lab.paths.journal);
        // What a kill or a restart leaves is there for a moment only.
        if (type !== "kill" && type !== "restart") expect(open && (await remains(open.undo))).not.toBeNull();
        const { Id } = await compose.container(target);
        await dockerKill(Id);
        const event = await fault.revert();
        expect(event).toMatchObject({ gone: true, remains: null });
        await (engine as Engine).docker("start", Id);
        await looksAsBefore();
      });
    }
  });

  describe("is brought about again on another start of its container:", () => {
    for (const type of FOLLOWED) {
      test(type, async () => {
        loading();
        const target = FOLLOWED.indexOf(type) % 2 === 0 ? "orders-1" : "orders-2";
        const fault = await injectOn(type, target);
        await landed(fault);
        const { Id } = await compose.container(target);
        await (engine as Engine).docker("restart", "--time", "0", Id);
        await landed(fault, ({ evidence }) => evidence?.measures.followed_starts === 1);
        expect(await fault.revert()).toMatchObject({ gone: true, remains: null });
        await looksAsBefore();
      });
    }
  });

  test("a volume that is a folder of the host's disk is not for filling", async () => {
    const [plain, own] = [await compose.container("payments"), await compose.container("pg-primary")];
    await expect(volumePath(lab.engine, plain.Id, "/ledger")).rejects.toThrow("no file system of its own");
    expect(await volumePath(lab.engine, own.Id, "/volume")).not.toBeNull();
  });

  test("what fills a volume is removed though its container is another one by then", async () => {
    const fault = await injectOn("disk");
    await landed(fault);
    await compose.run("rm", "--stop", "--force", "pg-primary");
    expect(await fault.revert()).toMatchObject({ gone: true, remains: null });
    await compose.run("up", "--detach", "--no-build", "pg-primary");
    await looksAsBefore();
  });

  test("the engine finds everything that it checks healthy, the controller too", async () => {
    const healthy = async (): Promise<boolean> => {
      const containers = await compose.containers();
      return [...lab.nodeNames, "chaos"].every(
        (node) => containers.get(node)?.State.Health?.Status === "healthy",
      );
    };
    await waitFor(healthy, { what: "every health check to pass", timeoutMs: 45_000, intervalMs: 500 });
  });

  test("a command's fault is gone when its keeper is killed, and host and container have one journal", async () => {
    loading();
    const argv = ["inject", "latency", "--target", "payments", "--delay-ms", "100", "--for", "60s"];
    expect((await run(...argv)).code).toBe(0);
    const [fault] = openFaults(lab.paths.journal);
    if (!fault) throw new Error("no fault is in the journal");
    expect((await controller("/chaos/faults")).active).toMatchObject([{ id: fault.id, target: "payments" }]);
    process.kill(fault.owner.pid, "SIGKILL");
    const isGone = async (): Promise<boolean> =>
      openFaults(lab.paths.journal).length === 0 && (await remains(fault.undo)) === null;
    await waitFor(isGone, { what: "the guard to revert it", timeoutMs: 10_000 });
    await looksAsBefore();
  });

  /** Asks the controller in its container. */
  async function controller(path: string, body?: object) {
    const { NetworkSettings } = await lab.engine.inspect((await compose.container("chaos")).Id);
    const network = Object.entries(NetworkSettings.Networks).find(([name]) => name.endsWith("_lab"));
    const answer = await fetch(`http://${network?.[1].IPAddress}:8666${path}`, {
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      ...(body && { method: "POST", body: JSON.stringify(body) }),
    });
    const said = (await answer.json()) as { id?: string; error?: string; active?: FaultEvent[] };
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${said.error}`);
    return said;
  }

  test("the controller in its container does the same", async () => {
    loading();
    for (const type of ["latency", "bandwidth", "cpu", "disk", "clock", "stop", "dependency"] as const) {
      const target = TARGETS[type] ?? "orders-1";
      const params = PARAMS[type] ?? EXAMPLES[type];
      const { id } = await controller("/chaos/inject", { type, target, params, duration_s: 60 });
      const [fault] = openFaults(lab.paths.journal);
      if (!fault) throw new Error(`${type}: no fault is in the journal`);
      expect({ type, is: await remains(fault.undo) }).not.toEqual({ type, is: null });
      const reverted = await controller(`/chaos/revert/${id}?wait_s=0`, {});
      expect(reverted).toMatchObject({ gone: true });
    }
    await looksAsBefore();
  });

  test("a controller that is killed reverts, at its next start, what it had left", async () => {
    loading();
    const params = { delay_ms: 100 };
    await controller("/chaos/inject", { type: "latency", target: "payments", params, duration_s: 60 });
    const { Id } = await compose.container("chaos");
    await (engine as Engine).docker("kill", Id);
    await (engine as Engine).docker("start", Id);
    const isGone = (): boolean => openFaults(lab.paths.journal).length === 0;
    await waitFor(isGone, { what: "the controller to revert it", timeoutMs: 15_000 });
    await looksAsBefore();
  });
});

/** The clock of real processes in a real cgroup: Bun, bash and PostgreSQL. */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import postgres from "postgres";
import { VdsoMemory } from "../../src/faults/clock/memory.ts";
import { restoreProcess, skewProcess } from "../../src/faults/clock/skew.ts";
import { findWaits } from "../../src/faults/clock/waits.ts";
import { type InjectOptions, inject } from "../../src/faults/controller.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { remains } from "../../src/faults/registry.ts";
import { revertAll } from "../../src/faults/revert.ts";
import { isAlive, type ProcessRef, processRef } from "../../src/lab/process.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { ClockNode, hostOffset, type Speaker } from "./clock-node.ts";
import { monotonicMs, TIMER_MS, WAIT_MS, type Waited } from "./clock-teller.ts";
import { processesWith } from "./fabric.ts";

setDefaultTimeout(60_000);
/** How far measured clocks may be off, in milliseconds. */
const WITHIN_MS = 20;
const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

const folder = mkdtempSync(join(tmpdir(), "cltest-"));
const journals: string[] = [];
const nodes: ClockNode[] = [];
const owners: Bun.Subprocess[] = [];

function node(name: string): ClockNode {
  const made = new ClockNode(`${name}-${nodes.length}`);
  nodes.push(made);
  return made;
}

function options(of: ClockNode, offsetMs: number): InjectOptions {
  const journal = join(folder, `faults-${journals.length}.ndjson`);
  journals.push(journal);
  const fault = { type: "clock", target: of.name, params: { offset_ms: offsetMs } } as const;
  return { journal, fault, target: of.target, maxLifetimeMs: 120_000 };
}

/** The v1 freezer's control file; v2's frozen processes stop for ptrace like any others. */
function frozenFile(of: ClockNode): string | null {
  const files = of.target.cgroup?.dirs.map((dir) => join(dir, "freezer.state")) ?? [];
  return files.find((file) => existsSync(file)) ?? null;
}

const near = (measured: number, asked: number): void =>
  expect(Math.abs(measured - asked)).toBeLessThan(WITHIN_MS);
const workerOf = (journal: string): ProcessRef => {
  const undo = openFaults(journal)[0]?.undo;
  if (!undo || !("worker" in undo)) throw new Error("no worker in the journal");
  return undo.worker as ProcessRef;
};
function refOf(speaker: Speaker): ProcessRef {
  const ref = processRef(speaker.child.pid);
  if (!ref) throw new Error("it has ended");
  return ref;
}
function vdsoOf(ref: ProcessRef): Buffer {
  using memory = VdsoMemory.open(ref);
  return memory?.image() ?? Buffer.alloc(0);
}
/** Its pointers to the C library's wait; none while they lead to a fault's hook. */
function slotsOf(speaker: Speaker) {
  using memory = VdsoMemory.open(refOf(speaker));
  return memory && findWaits(memory)?.slots;
}
/** A program that has just begun is hooked once it is loaded for certain. */
const hooked = (speaker: Speaker): Promise<unknown> =>
  waitFor(() => slotsOf(speaker) === undefined, { what: "the waits to be hooked", timeoutMs: 5_000 });
const untouched = vdsoOf({ pid: process.pid, starttime: processRef(process.pid)?.starttime ?? 0 });

// A test that fails must not leave its fault or its processes to the next.
afterEach(async () => {
  for (const owner of owners) owner.kill("SIGKILL");
  for (const journal of journals) await revertAll(journal);
  for (const each of nodes) await each.end();
});
afterAll(() => {
  ClockNode.removeAll();
  rmSync(folder, { recursive: true });
});

describe("clock by vdso", () => {
  for (const offsetMs of [5 * MINUTE, -5 * MINUTE, DAY, -1]) {
    test(`is ${offsetMs} ms off, and right again after revert`, async () => {
      const here = node("bun");
      const [inside, outside] = [await here.teller(), await here.teller(false)];
      const host = hostOffset();
      near(await inside.offset(), 0);

      const active = await inject(options(here, offsetMs));
      const measured = await inside.offset();
      expect(Math.abs(measured - offsetMs)).toBeLessThan(offsetMs === -1 ? 1.5 : WITHIN_MS);
      const told = await inside.told();
      expect(Math.abs(Date.parse(told.iso) - told.date)).toBeLessThanOrEqual(5);
      // Neither other processes nor the host know of it.
      near(await outside.offset(), 0);
      near(hostOffset(), host);
      expect(await active.verify()).toMatchObject({
        landed: true,
        measures: { processes: 1, offset_ms: offsetMs },
      });

      const event = await active.revert();
      expect(event).toMatchObject({ fault_type: "clock", backend: "vdso", evidence: { landed: true } });
      expect(event).toMatchObject({ gone: true, remains: null });
      near(await inside.offset(), 0);
      expect(vdsoOf(refOf(inside)).equals(untouched)).toBe(true);
      expect(vdsoOf(processRef(process.pid) ?? refOf(inside)).equals(untouched)).toBe(true);
      expect(await active.revert()).toEqual(event);
      expect(await revertAll(journals.at(-1) ?? "")).toEqual([]);
    });
  }

  test("monotonic time and timers do not change", async () => {
    const here = node("timers");
    const inside = await here.teller();
    const before = await inside.told();
    await using _ = await inject(options(here, DAY));
    for (let i = 0; i < 10; i++) {
      const after = await inside.told();
      const arrived = monotonicMs();
      expect(arrived - after.monotonic).toBeGreaterThanOrEqual(0);
      expect(arrived - after.monotonic).toBeLessThan(1_000);
      const [slow, quick] = [after.performance - before.performance, after.monotonic - before.monotonic];
      expect(Math.abs(slow - quick)).toBeLessThan(5);
      expect(after.timer).toBeGreaterThanOrEqual(TIMER_MS - 1);
      expect(after.timer).toBeLessThan(TIMER_MS + 100);
    }
  });

  for (const offsetMs of [60 * MINUTE, -60 * MINUTE]) {
    test(`waits until an instant end as they should while the clock is ${offsetMs} ms off, and after`, async () => {
      const here = node("waits");
      const speaker = await here.waiter();
      const before = slotsOf(speaker);
      expect(before?.length).toBeGreaterThan(0);
      const active = await inject(options(here, offsetMs));
      await hooked(speaker);
      speaker.child.kill("SIGUSR2");
      const check = async (): Promise<void> => {
        for (let i = 0; i < 5; i++) {
          const { took, processor } = JSON.parse(await speaker.fresh()) as Waited;
          expect(took).toBeGreaterThanOrEqual(WAIT_MS - 1);
          expect(took).toBeLessThan(WAIT_MS + 1_000);
          expect(processor).toBeLessThan(WAIT_MS / 2);
        }
      };
      await check();
      await active.revert();
      expect(slotsOf(speaker)).toEqual(before);
      expect(vdsoOf(refOf(speaker)).equals(untouched)).toBe(true);
      // A wait that was under way when the clock went back an hour lasts an hour longer, as it does for any clock.
      if (offsetMs < 0) await check();
    });
  }

  test("a program that the node starts during the fault has its waits put right once it is loaded", async () => {
    const here = node("late-waits");
    await here.teller();
    await using _ = await inject(options(here, -60 * MINUTE));
    const speaker = await here.waiter();
    await hooked(speaker);
    speaker.child.kill("SIGUSR2");
    for (let i = 0; i < 3; i++) {
      const { took, processor } = JSON.parse(await speaker.fresh()) as Waited;
      expect(took).toBeLessThan(WAIT_MS + 1_000);
      expect(processor).toBeLessThan(WAIT_MS / 2);
    }
  });

  test("bash and its forks see it through gettimeofday and time, and are right again after revert", async () => {
    const here = node("bash");
    const speaker = await here.bash();
    // bash counts whole seconds in time(): half a second more must carry over.
    const offsetMs = -5 * MINUTE + 500;
    const check = async (asked: number): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const [exact = "", seconds = ""] = (await speaker.fresh()).split(" ");
        // The line has been on its way for a moment.
        const off = Number(exact) * 1_000 - Date.now();
        expect(off - asked).toBeGreaterThan(-500);
        expect(off - asked).toBeLessThan(1);
        expect(Math.abs(Number(seconds) - Math.floor(Number(exact)))).toBeLessThanOrEqual(1);
      }
    };
    await check(0);
    const active = await inject(options(here, offsetMs));
    await check(offsetMs);
    await active.revert();
    await check(0);
    expect(vdsoOf(refOf(speaker)).equals(untouched)).toBe(true);
  });

  test("a revert does not wait for a Date header that was written before the fault", async () => {
    const here = node("dated");
    await here.teller();
    let requests = 0;
    await using service = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response(`${++requests}`, { headers: { date: new Date().toUTCString() } }),
    });
    const given = options(here, DAY);
    const active = await inject({ ...given, target: { ...given.target, url: service.url.href } });
    const { evidence } = await active.revert();
    expect(requests).toBe(1);
    expect(evidence).toMatchObject({ landed: true });
    expect(evidence?.measures).not.toHaveProperty("date_offset_ms");
  });

  test("PostgreSQL: backends there are, and those to come; all are right again after revert", async () => {
    const here = node("pg");
    const host = await here.postgres();
    const connect = () => postgres({ host, user: "postgres", database: "postgres", max: 1 });
    const offset = async (sql: postgres.Sql): Promise<number> => {
      const samples: { took: number; offset: number }[] = [];
      for (let i = 0; i < 20; i++) {
        const [began, date] = [monotonicMs(), Date.now()];
        const [row] = await sql`select extract(epoch from clock_timestamp()) * 1000 as ms`;
        const took = monotonicMs() - began;
        samples.push({ took, offset: Number(row?.ms) - (date + 0.5 + took / 2) });
      }
      return samples.toSorted((a, b) => a.took - b.took)[0]?.offset ?? Number.NaN;
    };
    const old = connect();
    near(await offset(old), 0);
    const active = await inject(options(here, DAY));
    near(await offset(old), DAY);
    const young = connect();
    near(await offset(young), DAY);
    const { landed, measures } = await active.verify();
    expect(landed).toBe(true);
    expect(measures.processes).toBe(here.pids.length);
    await active.revert();
    near(await offset(old), 0);
    near(await offset(young), 0);
    for (const pid of here.pids) {
      const ref = processRef(pid);
      if (ref) expect(vdsoOf(ref).equals(untouched)).toBe(true);
    }
    await Promise.all([old.end(), young.end()]);
  });

  test("a program that the node starts during the fault gets it too, and is right after revert", async () => {
    const here = node("restarted");
    const first = await here.teller();
    const active = await inject(options(here, DAY));
    first.child.kill("SIGKILL");
    const second = await here.teller();
    await waitFor(async () => Math.abs((await second.offset()) - DAY) < WITHIN_MS, {
      what: "the new program to be skewed",
      timeoutMs: 2_000,
    });
    expect(await active.verify()).toMatchObject({ landed: true, measures: { processes: 1 } });
    await active.revert();
    near(await second.offset(), 0);
    expect(vdsoOf(refOf(second)).equals(untouched)).toBe(true);
    const third = await here.teller();
    near(await third.offset(), 0);
  });

  test("is said to be gone only when it is", async () => {
    const here = node("left");
    const inside = await here.teller();
    const given = options(here, DAY);
    const active = await inject(given);
    const [{ id = "", undo = { kind: "" } } = {}] = openFaults(given.journal);
    const skewed = `skewed vDSO of process ${inside.child.pid}`;
    expect(await remains(undo)).toBe(`${skewed}; clock worker ${workerOf(given.journal).pid}`);
    expect(await active.revert()).toMatchObject({ gone: true, remains: null });
    expect(await remains(undo)).toBeNull();
    // Once more, as if it had stayed, in a process that no journal names too.
    const other = await here.teller();
    const skew = { id, offsetMs: DAY };
    expect(skewProcess(refOf(other), skew, false)).toBe("skewed");
    expect(await remains(undo)).toBe(`skewed vDSO of process ${other.child.pid}`);
    // Another fault's is not this one's.
    expect(restoreProcess(refOf(other), id, new Map(), false)).toBe("restored");
    expect(skewProcess(refOf(other), { ...skew, id: "f-other" }, false)).toBe("skewed");
    expect(await remains(undo)).toBeNull();
  });

  test("undo is fine after the target was killed", async () => {
    const here = node("killed");
    const inside = await here.teller();
    const active = await inject(options(here, DAY));
    inside.child.kill("SIGKILL");
    await inside.child.exited;
    expect((await active.verify()).landed).toBe(true);
    expect(await revertAll(journals.at(-1) ?? "")).toMatchObject([{ error: null, event: { gone: true } }]);
    expect(await active.revert()).toMatchObject({ t_stop: expect.any(Number), gone: true, remains: null });
  });

  test("after SIGKILL of its owner the worker restores", async () => {
    const here = node("orphan");
    const inside = await here.teller();
    const given = options(here, DAY);
    const owner = await ownerOf(given);
    near(await inside.offset(), DAY);
    owner.kill("SIGKILL");
    await waitFor(() => vdsoOf(refOf(inside)).equals(untouched), { what: "right time", timeoutMs: 2_000 });
    near(await inside.offset(), 0);
    expect(await revertAll(given.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
    expect(await revertAll(given.journal)).toEqual([]);
  });

  test("after SIGKILL of owner and worker another process restores, forked children included", async () => {
    const here = node("alone");
    const [inside, bash] = [await here.teller(), await here.bash()];
    const given = options(here, DAY);
    const owner = await ownerOf(given);
    const worker = workerOf(given.journal);
    process.kill(worker.pid, "SIGKILL");
    owner.kill("SIGKILL");
    await waitFor(() => !isAlive(worker), { what: "the worker to end", timeoutMs: 2_000 });
    near(await inside.offset(), DAY);
    expect(await revertAll(given.journal)).toMatchObject([
      { error: null, event: { backend: "vdso", gone: true } },
    ]);
    near(await inside.offset(), 0);
    for (const each of [inside, bash]) expect(vdsoOf(refOf(each)).equals(untouched)).toBe(true);
    expect(await revertAll(given.journal)).toEqual([]);
  });

  test("nothing stays when the owner is killed at any moment of injecting", async () => {
    const here = node("moments");
    const [inside, spinner] = [await here.teller(), await here.spinner()];
    for (let afterMs = 0; afterMs < 300; afterMs += 20) {
      const given = options(here, DAY);
      const owner = Bun.spawn([process.execPath, script("owner.ts"), JSON.stringify(given)]);
      await Bun.sleep(afterMs);
      owner.kill("SIGKILL");
      await owner.exited;
      for (const { error } of await revertAll(given.journal)) expect(error).toBeNull();
      expect(vdsoOf(refOf(inside)).equals(untouched)).toBe(true);
      await waitFor(async () => (await workersOf(here)).length === 0, {
        what: "the worker to end",
        timeoutMs: 2_000,
      });
      near(await inside.offset(), 0);
    }
    await spinner.fresh();
  });

  test("another process may revert while the owner lives; its worker does not skew again", async () => {
    const here = node("both");
    const inside = await here.teller();
    const given = options(here, 5 * MINUTE);
    const active = await inject(given);
    const worker = workerOf(given.journal);
    expect(await revertAll(given.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
    expect(isAlive(worker)).toBe(false);
    near(await inside.offset(), 0);
    expect((await active.verify()).landed).toBe(false);
    expect(await active.revert()).toMatchObject({ t_stop: expect.any(Number), gone: true, remains: null });
  });

  test("a stopped process stays stopped, and is skewed when it goes on", async () => {
    const here = node("stopped");
    const inside = await here.teller();
    const state = (): string => readFileSync(`/proc/${inside.child.pid}/stat`, "utf8").split(") ")[1] ?? "";
    inside.child.kill("SIGSTOP");
    await waitFor(() => state().startsWith("T"), { what: "it to stop", timeoutMs: 1_000 });
    const active = await inject(options(here, DAY));
    expect(state()).toStartWith("T");
    inside.child.kill("SIGCONT");
    near(await inside.offset(), DAY);
    inside.child.kill("SIGSTOP");
    await waitFor(() => state().startsWith("T"), { what: "it to stop", timeoutMs: 1_000 });
    await active.revert();
    expect(state()).toStartWith("T");
    inside.child.kill("SIGCONT");
    near(await inside.offset(), 0);
  });

  test.skipIf(frozenFile(node("probe")) === null)("a frozen node is skewed when it thaws", async () => {
    const here = node("frozen");
    const inside = await here.teller();
    const freeze = async (state: "FROZEN" | "THAWED"): Promise<void> => {
      const file = frozenFile(here) ?? "";
      writeFileSync(file, state);
      const there = (): boolean => readFileSync(file, "utf8").trim() === state;
      await waitFor(there, { what: `the node to be ${state}`, timeoutMs: 2_000 });
    };
    await freeze("FROZEN");
    const active = await inject(options(here, DAY));
    await freeze("THAWED");
    near(await inside.offset(), DAY);
    await freeze("FROZEN");
    await active.revert();
    await freeze("THAWED");
    near(await inside.offset(), 0);
    expect(vdsoOf(refOf(inside)).equals(untouched)).toBe(true);
  });

  test("a process that a debugger holds is refused, and goes on as it was", async () => {
    const here = node("debugged");
    const inside = await here.teller();
    const strace = Bun.spawn(["strace", "-f", "-o", "/dev/null", "-p", `${inside.child.pid}`], {
      stderr: "ignore",
    });
    owners.push(strace);
    const status = `/proc/${inside.child.pid}/status`;
    await waitFor(() => !/TracerPid:\t0\n/.test(readFileSync(status, "utf8")), {
      what: "strace to attach",
      timeoutMs: 2_000,
    });
    await expect(inject(options(here, DAY))).rejects.toMatchObject({ kind: "busy" });
    near(await inside.offset(), 0);
    strace.kill("SIGTERM");
    await strace.exited;
    near(await inside.offset(), 0);
  });

  test("a second clock fault on the same node is refused and changes nothing", async () => {
    const here = node("second");
    const inside = await here.teller();
    await using _ = await inject(options(here, DAY));
    await expect(inject(options(here, MINUTE))).rejects.toMatchObject({ kind: "busy" });
    near(await inside.offset(), DAY);
  });

  test("a node without processes, and an offset of zero, are refused in one line", async () => {
    const here = node("empty");
    const oneLine = expect.stringMatching(/^[^\n]+$/);
    await expect(inject(options(here, DAY))).rejects.toMatchObject({ kind: "notFound", message: oneLine });
    await expect(inject(options(here, 0))).rejects.toMatchObject({ kind: "badConfig", message: oneLine });
  });

  test("two threads that ask for the time all the while survive 50 changes back and forth", async () => {
    const here = node("spin");
    const spinner = await here.spinner();
    const ref = refOf(spinner);
    for (let i = 0; i < 50; i++) {
      expect(skewProcess(ref, { id: `f-${i}`, offsetMs: i * MINUTE + 1 }, false)).toBe("skewed");
      if (i % 10 === 0) await spinner.fresh();
      expect(["restored", "left"]).toContain(restoreProcess(ref, `f-${i}`, new Map(), false));
    }
    await spinner.fresh();
    expect(isAlive(ref)).toBe(true);
  });
});

const script = (name: string): string => resolve(import.meta.dir, name);
const workersOf = (here: ClockNode): Promise<number[]> =>
  processesWith(`internal clock --id`).then((pids) =>
    pids.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(here.name)),
  );

async function ownerOf(given: InjectOptions) {
  const argv = [process.execPath, script("owner.ts"), JSON.stringify(given)];
  const owner = Bun.spawn(argv, { stdout: "pipe" });
  owners.push(owner);
  await owner.stdout.getReader().read();
  return owner;
}

/**
 * Skews the realtime clock of a node's processes by rewriting each one's private copy of the vDSO. The host's clock
 * and all other processes keep the time; so do monotonic clocks and timers.
 *
 * Waits until an instant of that clock by pthread_cond_timedwait(3) end when the skewed clock says so (waits.ts).
 *
 * Not reached: programs that ask the kernel by `syscall` instead of through the vDSO, and what else the kernel itself
 * stamps or waits for (file times, timers set to an absolute realtime).
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError } from "../../cli/errors.ts";
import { ageMs, isAlive, type ProcessRef, self, signalProcess } from "../../lab/process.ts";
import { waitFor } from "../../lab/wait.ts";
import type { Evidence } from "../../model/fault.ts";
import type { ClockParams } from "../../model/params.ts";
import { defineBackend, type FaultRequest } from "../fault.ts";
import { groupsOf, members } from "../node/members.ts";
import { assemble } from "./blob.ts";
import { WorkerClient } from "./client.ts";
import { DateHeader } from "./date-header.ts";
import { VdsoMemory } from "./memory.ts";
import { type Recorded, restoreWithin, skewedBy } from "./restore.ts";
import { isSkewed, missingBlobs, type Skew } from "./skew.ts";

const VdsoUndo = Type.Object({
  kind: Type.Literal("vdso"),
  /** Marks the code in a process as this fault's. */
  id: Type.String(),
  /** The node's groups, as {@link groupsOf} has them. */
  cgroup: Type.Array(Type.String()),
  /** Known before anything is written. */
  processes: Type.Array(
    Type.Object({
      pid: Type.Integer(),
      starttime: Type.Number(),
      vdso: Type.Integer(),
      originals: Type.Array(Type.Object({ at: Type.Integer(), bytes: Type.String() })),
    }),
  ),
  worker: Type.Union([Type.Object({ pid: Type.Integer(), starttime: Type.Number() }), Type.Null()]),
});
type VdsoUndo = Static<typeof VdsoUndo>;
type Request = FaultRequest<ClockParams>;

/** How long the worker may take to restore and end, and how long an undo goes on trying. */
const WORKER_TIMEOUT_MS = 10_000;
const RESTORE_TIMEOUT_MS = 10_000;
/** Within this, every program that a node starts is found. */
const SETTLE_TIMEOUT_MS = 500;
/** What evidence may cost, twice, when the fault is to be taken back. */
const AT_ONCE_MS = 50;
/** A Date header counts whole seconds, and servers renew it about once a second. */
const DATE_TOLERANCE_MS = 2_500;

const skewOf = ({ id, params }: Request): Skew => ({ id, offsetMs: params.offset_ms });
const groupOf = ({ target }: Request): string[] => groupsOf(target);

export const vdso = defineBackend<ClockParams, VdsoUndo>({
  name: "vdso",
  undoSchema: VdsoUndo,

  async probe({ id, params }) {
    if (process.arch !== "x64") return `needs x86-64, this is ${process.arch}`;
    if (process.getuid?.() !== 0) return "needs root";
    try {
      using memory = VdsoMemory.open(self());
      const image = memory?.image();
      if (!image) return "/proc/self/mem cannot be read";
      assemble(image, id, params.offset_ms);
      return null;
    } catch (error) {
      if (error instanceof ChaoslabError) return error.message;
      throw error;
    }
  },

  plan(request) {
    const { id, target, params } = request;
    const functions = "clock_gettime, gettimeofday and time";
    return {
      steps: [
        `in each process of ${target.name}: ${functions} of its own vDSO add ${params.offset_ms} ms`,
        "pthread_cond_timedwait takes them off again from the instant that it waits for",
        "a process that does the same to each program that the node starts later",
      ],
      undo: { kind: "vdso", id, cgroup: groupOf(request), processes: [], worker: null },
    };
  },

  async inspect(request) {
    examine(request);
  },

  async inject(request, undo, amend) {
    const { maxLifetimeMs } = request;
    const skew = skewOf(request);
    const recorded: VdsoUndo = { ...undo, processes: examine(request) };
    amend(recorded);
    const worker = await WorkerClient.start({ ...skew, dirs: undo.cgroup, maxLifetimeMs });
    amend({ ...recorded, worker: worker.ref });
    const { processes, tookMs } = await worker.skew();
    const first = `${processes} processes skewed in ${tookMs.toFixed(1)} ms`;
    const since = performance.now();
    const header = request.target.url === null ? null : new DateHeader(request.target.url, skew.offsetMs);
    return {
      async verify(patient) {
        const counts = await settledCounts(groupOf(request), skew, patient ? SETTLE_TIMEOUT_MS : AT_ONCE_MS);
        // A program that has just started was skewed when it had read the time already.
        const hadMs = Math.min(performance.now() - since, counts.youngestMs);
        const dateOffset = await (patient ? header?.offsetMs() : header?.offsetAtOnceMs(AT_ONCE_MS, hadMs));
        return evidenceOf(request, counts, dateOffset ?? null, { workerIsAlive: isAlive(worker.ref), first });
      },
    };
  },

  async undo({ id, cgroup, processes, worker }) {
    // First of all whoever would skew again what is restored here.
    if (worker) await endWorker(worker);
    await restoreWithin(RESTORE_TIMEOUT_MS, id, cgroup, processes);
  },

  async remains({ id, cgroup, processes, worker }) {
    const skewed = skewedBy(id, cgroup, processes).map(({ pid }) => pid);
    const all = [
      ...(skewed.length > 0 ? [`skewed vDSO of process ${skewed.join(", ")}`] : []),
      ...(worker && isAlive(worker) ? [`clock worker ${worker.pid}`] : []),
    ];
    return all.join("; ") || null;
  },
});

/** The node's processes with what will be displaced in them. @throws {ChaoslabError} when one cannot be skewed. */
function examine(request: Request): Recorded[] {
  const { target } = request;
  const skew = skewOf(request);
  const found = members(groupOf(request)).flatMap((ref): Recorded[] => {
    using memory = VdsoMemory.open(ref);
    const image = memory?.image();
    if (!memory || !image) return [];
    const patches = missingBlobs(memory, image, skew).blobs.flatMap((blob) => blob.patches);
    const originals = patches.map(({ at, original }) => ({ at, bytes: original.toString("hex") }));
    return [{ ...ref, vdso: memory.start, originals }];
  });
  if (found.length === 0) {
    throw new ChaoslabError("notFound", `${target.name}: no process runs in its cgroup`, "is the lab up?");
  }
  return found;
}

/** Has the worker restore and end; kills it when it does not in time. */
async function endWorker(worker: ProcessRef): Promise<void> {
  if (!signalProcess(worker, "SIGTERM")) return;
  const wait = { what: `clock worker ${worker.pid} to end`, timeoutMs: WORKER_TIMEOUT_MS, intervalMs: 2 };
  try {
    await waitFor(() => !isAlive(worker), wait);
  } catch {
    signalProcess(worker, "SIGKILL");
    await waitFor(() => !isAlive(worker), wait);
  }
}

interface Counts {
  all: number;
  skewed: number;
  /** How long the process that started last has run. */
  youngestMs: number;
}

/** @param first what the worker said when it began. */
function evidenceOf(
  { target, params }: Request,
  { all, skewed }: Counts,
  dateOffset: number | null,
  { workerIsAlive, first }: { workerIsAlive: boolean; first: string },
): Evidence {
  const offsetMs = params.offset_ms;
  const measures = {
    processes: skewed,
    offset_ms: offsetMs,
    ...(dateOffset === null ? {} : { date_offset_ms: dateOffset }),
  };
  const lost = (detail: string): Evidence => ({ landed: false, detail, measures });
  if (!workerIsAlive) return lost(`the clock worker has ended; ${skewed} of ${all} processes are skewed`);
  if (all === 0) return { landed: true, detail: `${first}; the node has no process now`, measures };
  if (skewed < all) return lost(`${skewed} of ${all} processes have the skewed clock in their vDSO`);
  if (dateOffset !== null && Math.abs(dateOffset - offsetMs) > DATE_TOLERANCE_MS) {
    return lost(`the Date header of ${target.url} is ${dateOffset} ms off, not ${offsetMs}`);
  }
  const date = dateOffset === null ? "" : `; its Date header is ${dateOffset} ms off`;
  return { landed: true, detail: `${first}; all ${all} that run now have it in their vDSO${date}`, measures };
}

/** Processes there are, and those among them that are skewed; waits a moment for a program just started. */
async function settledCounts(dirs: readonly string[], skew: Skew, withinMs: number): Promise<Counts> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = members(dirs);
    const states = found.flatMap((ref) => {
      using memory = VdsoMemory.open(ref);
      const image = memory?.image();
      return memory && image ? isSkewed(memory, image, skew) : [];
    });
    const skewed = states.filter((is) => is).length;
    if (skewed === states.length || performance.now() > deadline) {
      return { all: states.length, skewed, youngestMs: Math.min(...found.map(ageMs)) };
    }
    await Bun.sleep(10);
  }
}

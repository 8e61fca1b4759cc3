/** The lab that trials run in: one that is up, or one that is booted for them and taken down after them. @module */
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import { startGuard } from "../faults/guard.ts";
import { isInForce, revertAll } from "../faults/revert.ts";
import { type BootedLab, bootLab, findLab, type HostLab, stepLine } from "../lab/host/lab.ts";
import { clearRemains } from "../lab/host/manage.ts";
import { readMitigations, switchMitigations } from "../lab/host/mitigations.ts";
import { DEFAULT_SEEDED } from "../lab/host/record.ts";
import type { Mitigation } from "../model/mitigations.ts";
import { type Schedule, specsOf } from "../model/schedule.ts";
import { lockRun } from "./lock.ts";
import { needsProxies } from "./prepare.ts";

export interface SessionOptions {
  schedule: Schedule;
  labName: string;
  /** Leave a lab up that was booted. */
  keep: boolean;
  signal: AbortSignal;
  say: (line: string) => void;
}

/** One at a time in a lab. Disposing leaves the host as it was found. */
export class LabSession implements AsyncDisposable {
  #renewed = false;

  private constructor(
    readonly options: SessionOptions,
    readonly lab: HostLab,
    private readonly booted: BootedLab | null,
    private readonly resources: AsyncDisposableStack,
    /** What the lab was found with. */
    readonly mitigations: readonly Mitigation[],
  ) {}

  static async open(options: SessionOptions): Promise<LabSession> {
    const { lab, booted } = await openLab(options);
    const resources = new AsyncDisposableStack();
    try {
      resources.use(lockRun(lab.paths.runLock, lab.name));
      await requireNoFault(lab);
      resources.use(await startGuard(lab.paths.journal));
      return new LabSession(options, lab, booted, resources, readMitigations(lab.paths));
    } catch (error) {
      await resources.disposeAsync();
      await booted?.down();
      throw error;
    }
  }

  /** Whether the lab is this session's, to be taken down. */
  get isOwn(): boolean {
    return this.booted !== null;
  }

  /** Another one follows: the lab goes down, even where it is to be kept in the end. */
  renew(): void {
    this.#renewed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { lab, booted, mitigations } = this;
    const { keep, signal, say } = this.options;
    const stays = booted === null || (keep && !signal.aborted && !this.#renewed);
    try {
      await this.resources.disposeAsync();
      if (stays) {
        await switchMitigations(lab, mitigations).catch((error: unknown) => say(reasonOf(error)));
      }
    } finally {
      if (booted && stays) {
        await booted.detach();
        say(`lab ${lab.name} stays up: chaoslab down --lab ${lab.name} removes it`);
      } else if (booted) {
        say(`taking lab ${lab.name} down`);
        await booted.down();
      }
    }
  }
}

/** Takes back what another run may have left. A baseline beside a fault is none. */
async function requireNoFault(lab: HostLab): Promise<void> {
  const left = (await revertAll(lab.paths.journal)).filter(isInForce);
  if (left.length === 0) return;
  const why = left.map(({ event, error }) => `${event.id} (${error ?? event.remains})`).join(", ");
  throw new ChaoslabError("labFailed", `lab ${lab.name}: a fault is still in force: ${why}`);
}

/** The lab of that name if one is up, else one that is booted. */
async function openLab({
  schedule,
  labName,
  signal,
  say,
}: SessionOptions): Promise<{ lab: HostLab; booted: BootedLab | null }> {
  const present = findLab(labName);
  if (present?.state === "ready") {
    const waiting = (await present.nodes()).filter((node) => node.state !== "ready").map((node) => node.name);
    if (waiting.length > 0) {
      throw new ChaoslabError(
        "labFailed",
        `lab ${labName}: not ready: ${waiting.join(", ")}`,
        `chaoslab status --lab ${labName}`,
      );
    }
    const { tenants } = present.record.seeded;
    if (tenants !== schedule.load.tenants) {
      throw new ChaoslabError(
        "badConfig",
        `load.tenants: ${schedule.load.tenants}, but lab ${labName} is up with ${tenants}`,
        "use --lab for a lab of its own",
      );
    }
    checkAgainst(present, schedule);
    say(`using lab ${labName}, which is up`);
    return { lab: present, booted: null };
  }
  await clearRemains(labName, say);
  say(`booting lab ${labName}`);
  const { orders = DEFAULT_SEEDED.orders, products = DEFAULT_SEEDED.products } = schedule.lab ?? {};
  const seeded = { orders, products, tenants: schedule.load.tenants };
  const toxiproxy = needsProxies(schedule) ? { url: null } : null;
  const booted = await bootLab(labName, (step) => say(stepLine(step)), { seeded, toxiproxy }, signal);
  say(`lab ${labName} is ready after ${(booted.ms / 1000).toFixed(1)} s`);
  return { lab: booted.lab, booted };
}

/** What a schedule asks of a lab that is up, before anything is done to it. */
function checkAgainst(lab: HostLab, schedule: Schedule): void {
  const faults = schedule.hypotheses.flatMap(specsOf);
  if (faults.some(({ type }) => type === "toxic")) lab.requireProxies();
  for (const fault of faults) lab.targetsOf(fault);
}

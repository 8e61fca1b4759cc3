/** The lab that trials run in: one that is up, or one that is booted for them and taken down after them. @module */
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import { startGuard } from "../faults/guard.ts";
import { isInForce, revertAll } from "../faults/revert.ts";
import { type BootedLab, bootLab, stepLine } from "../lab/host/lab.ts";
import { clearRemains } from "../lab/host/manage.ts";
import { DEFAULT_SEEDED } from "../lab/host/record.ts";
import { type Lab, requireProxies, shopOf } from "../lab/lab.ts";
import { readMitigations, switchMitigations } from "../lab/mitigations.ts";
import { labThatIsUp } from "../lab/ready.ts";
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
    readonly lab: Lab,
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
      return new LabSession(options, lab, booted, resources, mitigationsNow(lab));
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
      if (stays && lab.shop) {
        await switchMitigations(lab.shop, mitigations).catch((error: unknown) => say(reasonOf(error)));
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

const mitigationsNow = ({ shop }: Lab): readonly Mitigation[] =>
  shop ? readMitigations(shop.mitigationsFile) : [];

/** Takes back what another run may have left. A baseline beside a fault is none. */
async function requireNoFault(lab: Lab): Promise<void> {
  const left = (await revertAll(lab.paths.journal)).filter(isInForce);
  if (left.length === 0) return;
  const why = left.map(({ event, error }) => `${event.id} (${error ?? event.remains})`).join(", ");
  throw new ChaoslabError("labFailed", `lab ${lab.name}: a fault is still in force: ${why}`);
}

/** The lab of that name if one is up, else one that is booted. */
async function openLab(options: SessionOptions): Promise<{ lab: Lab; booted: BootedLab | null }> {
  const { schedule, labName, signal, say } = options;
  const present = await labThatIsUp(labName);
  if (present) {
    await checkAgainst(present, schedule, labName);
    say(`using lab ${present.name}, which is up`);
    return { lab: present, booted: null };
  }
  await clearRemains(labName, say);
  say(`booting lab ${labName}`);
  const { orders = DEFAULT_SEEDED.orders, products = DEFAULT_SEEDED.products } = schedule.lab ?? {};
  const { tenants } = schedule.load.scenario ? DEFAULT_SEEDED : schedule.load;
  const seeded = { orders, products, tenants };
  const toxiproxy = needsProxies(schedule) ? { url: null } : null;
  const booted = await bootLab(labName, (step) => say(stepLine(step)), { seeded, toxiproxy }, signal);
  say(`lab ${labName} is ready after ${(booted.ms / 1000).toFixed(1)} s`);
  return { lab: booted.lab, booted };
}

/** What a schedule asks of a lab that is up, before anything is done to it. */
async function checkAgainst(lab: Lab, schedule: Schedule, labName: string): Promise<void> {
  const waiting = (await lab.nodes()).filter((node) => node.state !== "ready").map((node) => node.name);
  if (waiting.length > 0) {
    throw new ChaoslabError(
      "labFailed",
      `lab ${lab.name}: not ready: ${waiting.join(", ")}`,
      `chaoslab status --lab ${labName}`,
    );
  }
  const { load } = schedule;
  if (!load.scenario) {
    const { tenants } = shopOf(lab, "load: the built-in mix").seeded;
    if (tenants !== load.tenants) {
      throw new ChaoslabError(
        "badConfig",
        `load.tenants: ${load.tenants}, but lab ${lab.name} is up with ${tenants}`,
        "use --lab for a lab of its own",
      );
    }
  }
  const faults = schedule.hypotheses.flatMap(specsOf);
  if (faults.some(({ type }) => type === "toxic")) await requireProxies(lab);
  for (const fault of faults) await lab.targetsOf(fault);
}

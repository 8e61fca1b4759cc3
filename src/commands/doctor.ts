/** `chaoslab doctor`: what this host can do, and which mechanism each fault would take. */
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { ExitCode, reasonOf } from "../cli/errors.ts";
import { booleanFlag, type Flags } from "../cli/flags.ts";
import { painter, table } from "../cli/terminal.ts";
import type { Diagnosis } from "../faults/fault.ts";
import { FAULTS } from "../faults/registry.ts";
import { exec } from "../lab/exec.ts";
import { cgroupLayout } from "../lab/host/cgroup.ts";
import { findLab, type HostLab } from "../lab/host/lab.ts";
import { missingPrograms } from "../lab/host/prerequisites.ts";
import { labNames } from "../lab/host/record.ts";
import type { Target } from "../lab/target.ts";
import { EXAMPLES } from "../model/examples.ts";
import { FAULT_TYPES, type FaultType } from "../model/params.ts";

interface Check {
  what: string;
  ok: boolean;
  detail: string;
}

interface FaultDiagnosis {
  fault: FaultType;
  /** The backend it would take; null: not possible here. */
  backend: string | null;
  backends: Diagnosis[];
}

export async function run(_args: string[], flags: Flags): Promise<number> {
  const checks = await hostChecks();
  const labs = readyLabs();
  const labFor = (fault: FaultType): HostLab | undefined => labs.find((lab) => shows(lab, fault));
  const unseen = (fault: FaultType): boolean => IN_TARGET.includes(fault) && !labFor(fault);
  const faults: FaultDiagnosis[] = [];
  for (const fault of FAULT_TYPES) {
    const backends = await FAULTS[fault]
      .diagnose(sample(fault, labFor(fault) ?? labs[0]))
      .catch((error: unknown) => [{ name: fault, lacks: reasonOf(error) }]);
    faults.push({ fault, backend: backends.find((each) => each.lacks === null)?.name ?? null, backends });
  }
  if (booleanFlag(flags, "json")) {
    process.stdout.write(`${JSON.stringify({ kernel: release(), checks, faults })}\n`);
  } else {
    process.stdout.write(`${describe(checks, faults, unseen)}\n`);
  }
  const possible = faults.filter(({ fault, backend }) => backend !== null || unseen(fault));
  const fit = checks.every((check) => check.ok) && possible.length === faults.length;
  return fit ? ExitCode.ok : ExitCode.prerequisite;
}

/** Faults whose mechanism lives in the target: they can be tried only on a lab that is up. */
const IN_TARGET: readonly FaultType[] = ["restart", "cpu", "memory", "disk", "dependency", "toxic"];

/** What a probe needs: a target that is up where there is one, else one that exists in name only. */
function sample(type: FaultType, lab: HostLab | undefined) {
  const target = lab?.target(type === "disk" ? "pg-primary" : "payments") ?? NOWHERE;
  return { id: "f-doctor", params: EXAMPLES[type], target, others: {}, maxLifetimeMs: 10_000 };
}

/** A lab whose record cannot be read, for want of root or otherwise, shows nothing. */
function readyLabs(): HostLab[] {
  const seen = (name: string): HostLab | null => {
    try {
      return findLab(name);
    } catch {
      return null;
    }
  };
  return labNames()
    .map(seen)
    .filter((lab) => lab !== null)
    .filter((lab) => lab.state === "ready");
}

/** Whether a lab can show what a fault takes: toxics need proxies, which only some have. */
const shows = (lab: HostLab, fault: FaultType): boolean => fault !== "toxic" || Boolean(lab.record.toxiproxy);

const howToSee = (fault: FaultType): string =>
  fault === "toxic" ? "told with a lab up --toxiproxy" : "told with a lab up";

const NOWHERE: Target = {
  name: "payments",
  address: "198.18.0.31",
  netns: "/run/netns/chaoslab-none",
  device: "eth0",
  fabric: { netns: "/run/netns/chaoslab-none", device: "payments" },
  cgroup: null,
  stopSignal: "SIGTERM",
  volume: null,
  url: null,
  supervisor: null,
  links: null,
};

async function hostChecks(): Promise<Check[]> {
  const root = process.getuid?.() === 0;
  const { missing, packages } = missingPrograms();
  return [
    { what: "root", ok: root, detail: root ? "yes" : "no: run it with sudo" },
    {
      what: "programs",
      ok: missing.length === 0,
      detail:
        missing.length === 0
          ? "all installed"
          : `not installed: ${missing.join(", ")}; on Debian: apt-get install ${packages.join(" ")}`,
    },
    await check("network namespaces", async () => {
      await exec(["unshare", "--net", "true"]);
      return "can be made";
    }),
    await check("cgroups", () => `v${cgroupLayout().version} with cpu and memory`),
    await check("loop devices", () =>
      existsSync("/dev/loop-control") ? "yes: volumes are ext4" : "none: volumes are tmpfs instead of ext4",
    ),
    await check(
      "clock",
      () =>
        `source ${readFileSync("/sys/devices/system/clocksource/clocksource0/current_clocksource", "utf8").trim()}`,
    ),
  ];
}

async function check(what: string, look: () => string | Promise<string>): Promise<Check> {
  try {
    return { what, ok: true, detail: await look() };
  } catch (error) {
    return { what, ok: false, detail: reasonOf(error) };
  }
}

function describe(
  checks: readonly Check[],
  faults: readonly FaultDiagnosis[],
  unseen: (fault: FaultType) => boolean,
): string {
  const paint = painter(process.stdout);
  const mark = (ok: boolean): string => (ok ? paint("green", "ok ") : paint("red", "no "));
  const width = Math.max(...checks.map(({ what }) => what.length));
  const rows = faults.map(({ fault, backend, backends }) => [
    fault,
    backend ?? (unseen(fault) ? howToSee(fault) : "not possible here"),
    backends
      .filter((each) => each.lacks !== null && !unseen(fault))
      .map((each) => `${each.name}: ${each.lacks}`)
      .join("; "),
  ]);
  return [
    `kernel ${release()}`,
    ...checks.map(({ what, ok, detail }) => `${mark(ok)} ${what.padEnd(width)}  ${detail}`),
    "",
    table([["fault", "backend", "not available"], ...rows]),
  ].join("\n");
}

/** What a run ran on: enough to tell why two runs differ. @module */
import { existsSync, readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { exec } from "../lab/exec.ts";
import { cgroupLayout } from "../lab/host/cgroup.ts";
import type { HostPrograms } from "../lab/host/prerequisites.ts";
import type { Machine } from "../model/ramp.ts";
import { VERSION } from "../version.ts";

export interface Environment extends Machine {
  /** Versions of what chaoslab boots; null where it boots nothing. */
  postgres: string | null;
  redis: string | null;
  cgroup: string;
}

/** @param programs of a lab that this host boots; null: the system is not this host's to boot. */
export async function describeEnvironment(programs: HostPrograms | null): Promise<Environment> {
  const versionOf = async (program: string): Promise<string> =>
    (await exec([program, "--version"])).stdout.trim().split("\n")[0] ?? "";
  return {
    ...describeMachine(),
    postgres: programs && (await versionOf(join(programs.postgresBin, "postgres"))),
    redis: programs && (await versionOf(programs.redisServer)),
    cgroup: `v${cgroupLayout().version}`,
  };
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    chaoslab: VERSION,
    bun: Bun.version,
    kernel: release(),
    distribution: distribution(),
    cpu: processors[0]?.model ?? "unknown",
    cpus: processors.length,
    memory_mib: Math.round(totalmem() / 1024 / 1024),
  };
}

function distribution(): string {
  const path = "/etc/os-release";
  if (!existsSync(path)) return "unknown";
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync(path, "utf8"))?.[1] ?? "unknown";
}

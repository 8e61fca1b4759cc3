/**
 * A lab by what `--lab` says: a name of one on this host, `docker` for that of docker-compose.yml, or the path of a
 * lab.yaml that describes a system which was there before.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { loadLabFile } from "./attached/file.ts";
import { AttachedLab } from "./attached/lab.ts";
import { DOCKER_LAB, DockerLab } from "./docker/lab.ts";
import { findLab, type HostLab } from "./host/lab.ts";
import { checkLabName } from "./host/record.ts";
import type { Lab } from "./lab.ts";

export const DEFAULT_LAB = "lab";

/** Whether `--lab` means a lab that chaoslab boots and takes down. */
export const isHostLab = (wanted: string): boolean => wanted !== DOCKER_LAB && !isLabFile(wanted);

const isLabFile = (wanted: string): boolean => /\.ya?ml$/.test(wanted);

/** The lab that is meant, in whatever state; null when this host has none of the name. */
export async function labThatIsThere(wanted: string): Promise<Lab | null> {
  if (wanted === DOCKER_LAB) return DockerLab.open();
  if (isLabFile(wanted)) return AttachedLab.open(wanted);
  return findLab(checkLabName(wanted));
}

/** The lab that is meant, in whatever state. @throws {ChaoslabError} `notFound`, `usage`. */
export async function presentLab(wanted: string = DEFAULT_LAB): Promise<Lab> {
  return (await labThatIsThere(wanted)) ?? presentHostLab(wanted);
}

/** Name under which this host keeps what it knows of the lab, whether it is there or not. */
export function labNameOf(wanted: string): string {
  return checkLabName(isLabFile(wanted) ? loadLabFile(wanted).name : wanted);
}

/** The lab that is meant, which must be up. @throws {ChaoslabError} `notFound`, `labFailed`. */
export async function readyLab(wanted: string = DEFAULT_LAB): Promise<Lab> {
  return isHostLab(wanted) ? readyHostLab(wanted) : presentLab(wanted);
}

/** The same, or null where chaoslab would have to boot it. */
export async function labThatIsUp(wanted: string): Promise<Lab | null> {
  if (!isHostLab(wanted)) return presentLab(wanted);
  const lab = findLab(checkLabName(wanted));
  return lab?.state === "ready" ? lab : null;
}

function presentHostLab(wanted: string): HostLab {
  const name = checkLabName(wanted);
  const lab = findLab(name);
  if (lab) return lab;
  throw new ChaoslabError("notFound", `no lab ${name} on this host`, "chaoslab up boots one");
}

/** For what only a lab of this host has. */
export function readyHostLab(wanted: string): HostLab {
  if (!isHostLab(wanted)) {
    throw new ChaoslabError("usage", `--lab: ${wanted}: this command is for labs that chaoslab up boots`);
  }
  const lab = presentHostLab(wanted);
  if (lab.state === "ready") return lab;
  throw new ChaoslabError("labFailed", `lab ${lab.name} is ${lab.state}`, "chaoslab down, then up");
}

/**
 * What a fault of the network needs to know of a namespace, and trials where nothing can be harmed.
 * @module
 */
import { readdirSync, statfsSync, statSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError, codeOf } from "../../cli/errors.ts";
import { type ExecResult, exec } from "../../lab/exec.ts";
import type { Target } from "../../lab/target.ts";

/** NSFS_MAGIC, <linux/magic.h>: the file system of live namespaces. */
const NSFS_MAGIC = 0x6e736673;

/** True when the path is a live namespace; a name whose namespace has gone leaves an ordinary file, or none. */
export function namespaceExists(path: string): boolean {
  try {
    return statfsSync(path).type === NSFS_MAGIC;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** @throws {ChaoslabError} `notFound` when the namespace is not there. */
export function requireNamespace(path: string, of: string): void {
  if (!namespaceExists(path)) {
    throw new ChaoslabError("notFound", `${of}: no network namespace at ${path}`, "is the lab up?");
  }
}

/** `argv`, run inside a new namespace that ends with it: for trying things that must not touch the host. */
export function inFreshNamespace(argv: readonly string[]): string[] {
  return ["unshare", "--net", ...argv];
}

/** Part of an undo: a namespace, known by more than its path where that may come to mean another one. */
export const NamespaceFields = {
  netns: Type.String(),
  /** Inode of the namespace. Absent: the path is its own. */
  netns_id: Type.Optional(Type.Integer()),
};
export type Namespace = Static<ReturnType<typeof Type.Object<typeof NamespaceFields>>>;

/** How an undo knows the namespace in which a fault on the target acts. */
export const namespaceOf = (netns: string, { fabric, netnsId }: Target): Namespace =>
  fabric || netnsId === undefined ? { netns } : { netns, netns_id: netnsId };

/**
 * Where the namespace is to be found; null when it is gone. The path of a process leads to another one when its id has been
 * given away, and to none when it has ended; the namespace itself lives on while it has a name or another process.
 */
function placeOf({ netns, netns_id }: Namespace): string | null {
  if (netns_id === undefined) return namespaceExists(netns) ? netns : null;
  return (
    [netns, ...namedNamespaces(), ...processNamespaces()].find((path) => idAt(path) === netns_id) ?? null
  );
}

const namedNamespaces = (): string[] => listed("/run/netns").map((name) => `/run/netns/${name}`);
const processNamespaces = (): string[] =>
  listed("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => `/proc/${pid}/ns/net`);

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function idAt(path: string): number | null {
  try {
    return namespaceExists(path) ? namespaceId(path) : null;
  } catch {
    return null; // Of a process that is not ours to look at.
  }
}

/** Inode of the namespace at a path; null when there is none. */
export function namespaceId(path: string): number | null {
  try {
    return statSync(path).ino;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/**
 * Does `work`, which undoes something inside the namespace, given where that is now. The namespace being gone, before or
 * meanwhile, is success: everything that was in it went with it.
 */
export async function undoIn(namespace: Namespace, work: (netns: string) => Promise<void>): Promise<void> {
  const place = placeOf(namespace);
  if (place === null) return;
  try {
    await work(place);
  } catch (error) {
    if (placeOf(namespace) !== null) throw error;
  }
}

/** The same for a look: a namespace that is gone shows nothing. */
export async function lookIn(
  namespace: Namespace,
  look: (netns: string) => Promise<string | null>,
): Promise<string | null> {
  let seen: string | null = null;
  await undoIn(namespace, async (netns) => {
    seen = await look(netns);
  });
  return seen;
}

/** Why a command tried in a fresh namespace failed, in a few words; null when it worked. */
export async function trial(argv: readonly string[], input?: string): Promise<string | null> {
  const [program = ""] = argv;
  let result: ExecResult;
  try {
    result = await exec(inFreshNamespace(argv), {
      allowFailure: true,
      ...(input === undefined ? {} : { input }),
    });
  } catch (error) {
    if (error instanceof ChaoslabError && error.kind === "prerequisite") return error.message;
    throw error;
  }
  if (result.code === 0) return null;
  if (result.code === 127) return `${program} is not installed`;
  const said = result.stderr.trim().split("\n", 1)[0] ?? "";
  if (said.startsWith("unshare:")) {
    throw new ChaoslabError("permission", `cannot make a network namespace: ${said}`, "run as root");
  }
  return `${program} or the kernel refuses it: ${said || `exit code ${result.code}`}`;
}

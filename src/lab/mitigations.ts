/**
 * Which mitigations a lab's services run with: a file in the lab's folder, which a service that is started again reads,
 * and a switch that living ones answer to.
 * @module
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import { MITIGATIONS, type Mitigation, mitigationsText, parseMitigations } from "../model/mitigations.ts";
import type { Shop } from "./lab.ts";

const SWITCH_TIMEOUT_MS = 5_000;

/** Replaces the file atomically: a node may be starting. */
export function writeMitigations(path: string, names: readonly Mitigation[]): void {
  writeFileSync(`${path}.new`, `${JSON.stringify({ mitigations: names })}\n`, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

/** What the lab is switched to. */
export function readMitigations(path: string): Mitigation[] {
  try {
    const { mitigations } = JSON.parse(readFileSync(path, "utf8")) as { mitigations: string[] };
    return parseMitigations(mitigations);
  } catch (error) {
    // A lab that is only half made, or half removed, has none.
    if (codeOf(error) === "ENOENT") return [];
    throw new ChaoslabError("labFailed", `${path}: ${reasonOf(error)}`);
  }
}

/** One service's answer to a switch. `failure`: why it did not take it; a node that is started again takes it then. */
export interface Switched {
  node: string;
  failure: string | null;
}

/** Switches a lab that is up: the file first, then every service at once. */
export async function trySwitchMitigations(
  { mitigationsFile, services }: Shop,
  names: readonly Mitigation[],
): Promise<Switched[]> {
  writeMitigations(mitigationsFile, names);
  return Promise.all(
    [...services].map(async ([node, url]) => ({
      node,
      failure: await switchService(url, names).catch(reasonOf),
    })),
  );
}

/** @throws {ChaoslabError} `labFailed` when a service did not take it. */
export async function switchMitigations(shop: Shop, names: readonly Mitigation[]): Promise<void> {
  const failed = (await trySwitchMitigations(shop, names)).filter(({ failure }) => failure !== null);
  if (failed.length === 0) return;
  throw new ChaoslabError(
    "labFailed",
    `mitigations ${mitigationsText(names)} were not taken by ${failed.map(({ node, failure }) => `${node}: ${failure}`).join("; ")}`,
    "chaoslab status shows the nodes",
  );
}

async function switchService(url: string, names: readonly Mitigation[]): Promise<string | null> {
  const answer = await fetch(`${url}/mitigations`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ mitigations: names }),
    signal: AbortSignal.timeout(SWITCH_TIMEOUT_MS),
  });
  if (!answer.ok) return `status ${answer.status}`;
  const { mitigations } = (await answer.json()) as { mitigations?: string[] };
  const on = MITIGATIONS.filter((name) => mitigations?.includes(name));
  return Bun.deepEquals(on, [...names]) ? null : `it has ${mitigationsText(on)} on`;
}

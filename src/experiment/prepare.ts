/** What a schedule asks for, before anything is touched: which nodes, which windows, whether proxies. @module */
import { ChaoslabError } from "../cli/errors.ts";
import { suggestion } from "../config/nearest.ts";
import { LINKS, type Link } from "../lab/host/links.ts";
import { isPlace, PLACES, PROXY_NODE } from "../lab/host/topology.ts";
import type { FaultSpec } from "../model/fault.ts";
import { nodesNamedBy } from "../model/params.ts";
import {
  DEFAULT_PROFILES,
  type Hypothesis,
  type Profile,
  type Schedule,
  specsOf,
  type Windows,
} from "../model/schedule.ts";

/** Every node that a fault names. */
const nodesOf = ({ target, params }: FaultSpec): string[] => [
  target,
  ...nodesNamedBy(params).map(({ node }) => node),
];

/** @throws {ChaoslabError} `notFound` for a node that no lab has, `badConfig` for a link that it has not. */
export function checkTargets(schedule: Schedule, file: string): void {
  const faults = schedule.hypotheses.flatMap((hypothesis) =>
    specsOf(hypothesis).map((fault) => ({ name: hypothesis.name, fault })),
  );
  for (const { name, fault } of faults) {
    for (const node of nodesOf(fault)) {
      if (isPlace(node)) continue;
      throw new ChaoslabError(
        "notFound",
        `${file}: ${name}: unknown target ${JSON.stringify(node)}${suggestion(node, PLACES)}`,
        `nodes of the lab: ${PLACES.join(", ")}`,
      );
    }
    const peer = nodesNamedBy(fault.params).find(({ field }) => field === "peer")?.node ?? null;
    const isMeant = ({ caller, callee }: Link) =>
      callee === fault.target && (peer === null || caller === peer);
    if (fault.type === "toxic" && !LINKS.some(isMeant)) {
      const why =
        peer === null
          ? `no service of the lab calls ${fault.target}`
          : `${peer} does not call ${fault.target}`;
      throw new ChaoslabError("badConfig", `${file}: ${name}: toxic: ${why}`);
    }
  }
}

/** Toxics act in proxies; a lab has them, and their node, only when it was booted so. */
export function needsProxies({ hypotheses, lab }: Schedule): boolean {
  if (lab?.toxiproxy !== undefined) return lab.toxiproxy;
  return hypotheses
    .flatMap(specsOf)
    .some((fault) => fault.type === "toxic" || nodesOf(fault).includes(PROXY_NODE));
}

/** @throws {ChaoslabError} `usage` for a profile that the schedule does not have. */
export function profileOf({ profiles = {} }: Schedule, name: string, file: string): Profile {
  const all: Readonly<Record<string, Profile>> = { ...DEFAULT_PROFILES, ...profiles };
  const profile = all[name];
  if (profile) return profile;
  throw new ChaoslabError(
    "usage",
    `--profile: ${file} has no profile ${JSON.stringify(name)}${suggestion(name, Object.keys(all))}`,
    `profiles: ${Object.keys(all).join(", ")}`,
  );
}

export const windowsOf = (profile: Profile, { window_s }: Hypothesis): Windows => ({ window_s, ...profile });

export function describeWindows(windows: Windows): string {
  return `${windows.warmup_s} s warm-up, ${windows.baseline_s} s baseline, ${windows.window_s} s fault, ${windows.recovery_s} s recovery`;
}

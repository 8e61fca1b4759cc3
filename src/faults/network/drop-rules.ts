/**
 * Packets that are dropped by rules: in the fabric, or in the target's own namespace where there is none. No process is
 * needed, so nothing ends with one: the rules stay until they are undone.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { execIn } from "../../lab/netns.ts";
import type { Evidence } from "../../model/fault.ts";
import type { PartitionParams } from "../../model/params.ts";
import { defineBackend, type FaultRequest } from "../fault.ts";
import {
  addDetour,
  Detour,
  detourLeft,
  detourSteps,
  probeDetour,
  removeDetour,
  requireDetour,
} from "./detour.ts";
import { removeRules, requireNoOverlap, rulesLeft } from "./fault-rules.ts";
import { type Direction, detourOf, type Flow, flowOf, type Hook, hookOf, peerOf } from "./flow.ts";
import {
  COUNT_RULES,
  countersOf,
  dropRule,
  parseRules,
  type Rule,
  ruleComment,
  rulesWithComment,
} from "./iptables.ts";
import { lookIn, NamespaceFields, namespaceOf, trial, undoIn } from "./netns.ts";

const DropUndo = Type.Object({
  kind: Type.Literal("iptables"),
  /** Namespace of the rules. */
  ...NamespaceFields,
  /** Comment that marks the rules as this fault's. */
  comment: Type.String(),
  /** The detour that packets take to the rules. Absent: they come by without one. */
  detour: Type.Optional(Detour),
});
type Request = FaultRequest<PartitionParams>;

function directionsOf({ params: { direction = "both" } }: Request): readonly Direction[] {
  return direction === "both" ? ["egress", "ingress"] : [direction];
}
const detour = (request: Request): Detour | null => detourOf(request, directionsOf(request));

const met = (request: Request): { hook: Hook; flow: Flow }[] =>
  directionsOf(request).map((each) => ({
    hook: hookOf(request.target, each),
    flow: flowOf(request.target, peerOf(request), each),
  }));

const commands = (request: Request): string[][] =>
  met(request).map(({ hook, flow }) => dropRule(hook, flow, ruleComment(request.id)));

/** Both directions are met in one namespace. */
const netnsOf = ({ target }: Request): string => hookOf(target, "egress").netns;

export const dropRules = defineBackend<PartitionParams, Static<typeof DropUndo>>({
  name: "iptables",
  undoSchema: DropUndo,
  endsWithTarget: true,

  async probe(request) {
    for (const argv of commands(request)) {
      const lacks = await trial(argv);
      if (lacks !== null) return lacks;
    }
    return detour(request) ? probeDetour("out") : null;
  },

  plan(request) {
    const netns = netnsOf(request);
    const way = detour(request);
    const steps = [...(way ? detourSteps(way) : []), ...commands(request).map((argv) => argv.join(" "))];
    return {
      steps: steps.map((step) => `in ${netns}: ${step}`),
      undo: {
        kind: "iptables",
        ...namespaceOf(netns, request.target),
        comment: ruleComment(request.id),
        ...(way && { detour: way }),
      },
    };
  },

  async inspect(request) {
    await requireNoOverlap(request, met(request));
    const way = detour(request);
    if (way) await requireDetour(netnsOf(request), way, request.target.name);
  },

  async inject(request, { netns, comment, detour: way }) {
    if (way) await addDetour(netns, way);
    for (const argv of commands(request)) await execIn(netns, argv);
    return {
      async verify() {
        const rules = parseRules((await execIn(netns, COUNT_RULES)).stdout);
        return dropEvidence(rulesWithComment(rules, comment), commands(request).length);
      },
    };
  },

  undo: (undo) =>
    undoIn(undo, async (netns) => {
      const { comment, detour: way } = undo;
      await removeRules(netns, comment);
      if (way) await removeDetour(netns, way);
    }),
  remains: (undo) =>
    lookIn(undo, async (netns) => {
      const { comment, detour: way } = undo;
      const left = [await rulesLeft(netns, comment), await detourLeft(netns, way)];
      return left.filter(Boolean).join(", ") || null;
    }),
});

/** `rules` are those of the fault, with counters; all that were made must still be there. */
export function dropEvidence(rules: readonly Rule[], made: number): Evidence {
  const { packets, bytes } = countersOf(rules);
  return {
    landed: rules.length === made && packets > 0,
    measures: { dropped_packets: packets, dropped_bytes: bytes },
    detail:
      rules.length === made
        ? `iptables dropped ${packets} packets (${bytes} bytes)`
        : `${made - rules.length} of the ${made} rules are gone`,
  };
}

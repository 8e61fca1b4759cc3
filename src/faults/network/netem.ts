/**
 * Packet-level faults by netem, on the egress of the target's own device in the target's own namespace. Without a peer
 * everything is delayed, ARP included: a neighbour's first packet may take the delay twice.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError } from "../../cli/errors.ts";
import type { Evidence } from "../../model/fault.ts";
import type { LatencyParams } from "../../model/params.ts";
import { defineBackend, type FaultRequest } from "../fault.ts";
import { execIn, requireNamespace, trial, undoIn } from "./netns.ts";
import {
  addNetem,
  childHandle,
  deleteRoot,
  hasRoot,
  netemDelay,
  parseQdiscs,
  type Qdisc,
  rootHandle,
  rootState,
} from "./tc.ts";

const NetemUndo = Type.Object({
  kind: Type.Literal("netem"),
  netns: Type.String(),
  device: Type.String(),
  /** Kind and handle of the root qdisc we add: both must match before it is deleted. */
  root: Type.Object({
    kind: Type.Union([Type.Literal("netem"), Type.Literal("prio")]),
    handle: Type.String(),
  }),
});
type NetemUndo = Static<typeof NetemUndo>;

type Request = FaultRequest<LatencyParams>;

/** The plan's argument vectors, on any device: the trial runs the same ones on a loopback device of its own. */
function commands({ id, params, peer }: Request, device: string): string[][] {
  return addNetem(
    device,
    rootHandle(id),
    netemDelay(params.delay_ms, params.jitter_ms ?? 0),
    peer?.address ?? null,
  );
}

async function qdiscs(netns: string): Promise<Qdisc[]> {
  // All devices rather than one, so that a device that is gone is an answer and not an error.
  const { stdout } = await execIn(netns, ["tc", "-s", "-j", "qdisc", "show"]);
  return parseQdiscs(stdout);
}

export const netem = defineBackend<LatencyParams, NetemUndo>({
  name: "netem",
  undoSchema: NetemUndo,

  async probe(request) {
    const lines = commands(request, "lo").map(([, ...args]) => args.join(" "));
    return await trial(["tc", "-batch", "-"], `${lines.join("\n")}\n`);
  },

  plan(request) {
    const { id, target, peer } = request;
    const root = { kind: peer ? ("prio" as const) : ("netem" as const), handle: rootHandle(id) };
    return {
      steps: commands(request, target.device).map((argv) => `in ${target.netns}: ${argv.join(" ")}`),
      undo: { kind: "netem", netns: target.netns, device: target.device, root },
    };
  },

  async inspect({ target }) {
    requireNamespace(target.netns, target.name);
    const state = rootState(await qdiscs(target.netns), target.device);
    if (state === "free") return;
    const what = state === "ours" ? "a fault of chaoslab's" : "a qdisc that chaoslab did not make";
    throw new ChaoslabError(
      "busy",
      `${target.name}: ${target.device} already carries ${what}; leaving it alone`,
    );
  },

  async inject(request, undo) {
    const { netns, device } = undo;
    // `tc qdisc add` is exclusive: the kernel refuses it when a root other than its own default is there.
    for (const argv of commands(request, device)) await execIn(netns, argv);
    const handle = request.peer ? childHandle(undo.root.handle) : undo.root.handle;
    return { verify: async () => evidence(await qdiscs(netns), device, handle) };
  },

  undo: ({ netns, device, root }) =>
    undoIn(netns, async () => {
      if (!hasRoot(await qdiscs(netns), device, root.kind, root.handle)) return;
      const { code, stderr } = await execIn(netns, deleteRoot(device, root.handle), { allowFailure: true });
      if (code === 0 || !hasRoot(await qdiscs(netns), device, root.kind, root.handle)) return;
      throw new ChaoslabError(
        "internal",
        `${netns}: ${device}: netem could not be removed: ${stderr.trim()}`,
      );
    }),
});

/** What the counters of the netem qdisc with this handle say. netem does not measure how long it held a packet. */
export function evidence(all: readonly Qdisc[], device: string, handle: string): Evidence {
  const qdisc = all.find((each) => each.dev === device && each.kind === "netem" && each.handle === handle);
  const { bytes = 0, packets = 0, drops = 0 } = qdisc ?? {};
  return {
    landed: packets > 0,
    measures: { packets, dropped_packets: drops },
    detail: qdisc
      ? `netem ${handle} on ${device} delayed ${packets} packets (${bytes} bytes), dropped ${drops}`
      : `netem ${handle} is no longer on ${device}`,
  };
}

/**
 * Backends that put a root qdisc of their own on a device's egress, and take away that one and no other.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError } from "../../cli/errors.ts";
import { execIn } from "../../lab/netns.ts";
import type { Evidence } from "../../model/fault.ts";
import { type AnyBackend, defineBackend, type FaultRequest } from "../fault.ts";
import {
  addDetour,
  Detour,
  detourLeft,
  detourSteps,
  probeDetour,
  removeDetour,
  requireDetour,
} from "./detour.ts";
import { type Direction, type Outlet, outletOf } from "./flow.ts";
import { lookIn, NamespaceFields, namespaceOf, requireNamespace, trial, undoIn } from "./netns.ts";
import { deleteRoot, hasRoot, parseQdiscs, type Qdisc, rootHandle, rootState } from "./tc.ts";

export interface RootQdisc<P> {
  /** Name of the backend. */
  name: string;
  /** What this mechanism cannot do of what is asked, in a few words; null when it can. */
  unfit?(request: FaultRequest<P>): string | null;
  /** Kind of the root qdisc that {@link commands} makes. */
  rootKind(request: FaultRequest<P>): string;
  /** Argument vectors; the first adds the root qdisc with this handle, none replaces one. */
  commands(request: FaultRequest<P>, outlet: Outlet, root: string): string[][];
  /** What the counters of this device's qdiscs show. */
  evidence(request: FaultRequest<P>, qdiscs: readonly Qdisc[], outlet: Outlet, root: string): Evidence;
}

interface Directed {
  direction?: Direction;
}

async function qdiscs(netns: string): Promise<Qdisc[]> {
  // All devices rather than one, so that a device that is gone is an answer and not an error.
  const { stdout } = await execIn(netns, ["tc", "-s", "-j", "qdisc", "show"]);
  return parseQdiscs(stdout);
}

export function rootQdiscBackend<P extends Directed>(mechanism: RootQdisc<P>): AnyBackend<P> {
  const { name } = mechanism;
  const RootUndo = Type.Object({
    kind: Type.Literal(name),
    ...NamespaceFields,
    device: Type.String(),
    /** Kind and handle of the root qdisc we add: both must match before it is deleted. */
    root: Type.Object({ kind: Type.String(), handle: Type.String() }),
    /** What leads packets to the device. Absent: it was there before. */
    detour: Type.Optional(Detour),
  });
  const isThere = async (
    netns: string,
    { device, root }: Pick<Static<typeof RootUndo>, "device" | "root">,
  ): Promise<boolean> => hasRoot(await qdiscs(netns), device, root.kind, root.handle);
  const outlet = ({ target, params, id }: FaultRequest<P>): Outlet =>
    outletOf(target, params.direction ?? "egress", id);

  return defineBackend<P, Static<typeof RootUndo>>({
    name,
    undoSchema: RootUndo,
    endsWithTarget: true,

    async probe(request) {
      const unfit = mechanism.unfit?.(request) ?? null;
      if (unfit !== null) return unfit;
      const lacks = outlet(request).detour && (await probeDetour("in"));
      if (lacks !== null) return lacks;
      // The plan's own commands, on the loopback device of a namespace that ends with them.
      const lo = { ...outlet(request), device: "lo" };
      const lines = mechanism
        .commands(request, lo, rootHandle(request.id))
        .map(([, ...args]) => args.join(" "));
      return await trial(["tc", "-batch", "-"], `${lines.join("\n")}\n`);
    },

    plan(request) {
      const at = outlet(request);
      const { netns, device, detour } = at;
      const handle = rootHandle(request.id);
      const root = { kind: mechanism.rootKind(request), handle };
      const commands = mechanism.commands(request, at, handle).map((argv) => argv.join(" "));
      return {
        steps: [...(detour ? detourSteps(detour) : []), ...commands].map((step) => `in ${netns}: ${step}`),
        undo: {
          kind: name,
          ...namespaceOf(netns, request.target),
          device,
          root,
          ...(detour && { detour }),
        },
      };
    },

    async inspect(request) {
      const { netns, device, detour } = outlet(request);
      const { name: node } = request.target;
      requireNamespace(netns, node);
      if (detour) return requireDetour(netns, detour, node);
      const state = rootState(await qdiscs(netns), device);
      if (state === "free") return;
      const what = state === "ours" ? "a fault of chaoslab's" : "a qdisc that chaoslab did not make";
      throw new ChaoslabError("busy", `${node}: ${device} already carries ${what}; leaving it alone`);
    },

    async inject(request, undo) {
      const at = outlet(request);
      // `tc qdisc add` is exclusive: the kernel refuses it when a root other than its own default is there.
      if (at.detour) await addDetour(at.netns, at.detour);
      for (const argv of mechanism.commands(request, at, undo.root.handle)) await execIn(at.netns, argv);
      return {
        verify: async () => mechanism.evidence(request, await qdiscs(at.netns), at, undo.root.handle),
      };
    },

    undo: (undo) =>
      undoIn(undo, async (netns) => {
        const { device, root, detour } = undo;
        if (detour) return removeDetour(netns, detour);
        if (!(await isThere(netns, undo))) return;
        const { code, stderr } = await execIn(netns, deleteRoot(device, root.handle), { allowFailure: true });
        if (code === 0 || !(await isThere(netns, undo))) return;
        throw new ChaoslabError(
          "internal",
          `${netns}: ${device}: ${root.kind} could not be removed: ${stderr.trim()}`,
        );
      }),

    remains: (undo) =>
      lookIn(undo, async (netns) => {
        const { device, root, detour } = undo;
        if (detour) return detourLeft(netns, detour);
        const left = await isThere(netns, undo);
        return left ? `qdisc ${root.kind} ${root.handle} on ${device} in ${netns}` : null;
      }),
  });
}

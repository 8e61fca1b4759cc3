/**
 * Packet-level faults without netem: a rule hands the target's packets to a queue, and a worker process decides over
 * each. In the fabric, whose FORWARD hook lies beyond the sender's veth, so that a sender is not told of a loss; where
 * there is none, in the target's own namespace: at INPUT, or on a detour of what it sends.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError } from "../../cli/errors.ts";
import { execIn } from "../../lab/netns.ts";
import { isAlive, type ProcessRef, signalProcess } from "../../lab/process.ts";
import { waitFor } from "../../lab/wait.ts";
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
import { listRules, removeRules, requireNoOverlap, rulesLeft } from "./fault-rules.ts";
import { type Direction, detourOf, type Flow, flowOf, type Hook, hookOf, peerOf } from "./flow.ts";
import { impairmentOf, type PacketParams } from "./impairment.ts";
import { appendRule, queuesInRules, ruleComment, rulesWithComment } from "./iptables.ts";
import { lookIn, NamespaceFields, namespaceOf, trial, undoIn } from "./netns.ts";
import { WorkerClient, workerCommand } from "./packetqueue/client.ts";
import { freeQueue, parseQueueTable, QUEUE_TABLE } from "./packetqueue/queue-table.ts";
import type { WorkerOptions } from "./packetqueue/worker-options.ts";
import { queueEvidence } from "./queue-evidence.ts";

const NfqueueUndo = Type.Object({
  kind: Type.Literal("nfqueue"),
  /** Namespace of the rule. */
  ...NamespaceFields,
  /** Comment that marks the rule as this fault's. */
  comment: Type.String(),
  /** Known once the worker runs. */
  worker: Type.Union([
    Type.Object({ pid: Type.Integer(), starttime: Type.Number(), queue: Type.Integer() }),
    Type.Null(),
  ]),
  /** The detour that packets take to the rule. Absent: they come by without one. */
  detour: Type.Optional(Detour),
});
type NfqueueUndo = Static<typeof NfqueueUndo>;
type Request = FaultRequest<PacketParams>;

/** Chance is the same in every run unless a seed says otherwise. */
const DEFAULT_SEED = 1;

const directionOf = ({ params }: Request): Direction => params.direction ?? "egress";
const detour = (request: Request): Detour | null => detourOf(request, [directionOf(request)]);

const met = (request: Request): { hook: Hook; flow: Flow } => ({
  hook: hookOf(request.target, directionOf(request)),
  flow: flowOf(request.target, peerOf(request), directionOf(request)),
});

const rule = (request: Request, queue: number): string[] => {
  const { hook, flow } = met(request);
  return appendRule({ hook, ...flow, comment: ruleComment(request.id), queue });
};

const workerOptions = ({ params, maxLifetimeMs }: Request, queue: number): WorkerOptions => ({
  queue,
  ...impairmentOf(params),
  seed: params.seed ?? DEFAULT_SEED,
  maxLifetimeMs,
});

export const nfqueue = defineBackend<PacketParams, NfqueueUndo>({
  name: "nfqueue",
  undoSchema: NfqueueUndo,
  endsWithTarget: true,

  async probe(request) {
    const queue = freeQueue(new Set()) ?? 0;
    const [rules, worker] = await Promise.all([
      trial(rule(request, queue)),
      trial([...workerCommand(workerOptions(request, queue)), "--probe"]),
    ]);
    return rules ?? worker ?? (detour(request) ? await probeDetour("out") : null);
  },

  plan(request) {
    const { netns } = met(request).hook;
    const way = detour(request);
    return {
      steps: [
        ...(way ? detourSteps(way) : []).map((step) => `in ${netns}: ${step}`),
        `in ${netns}: a process that listens on a free NFQUEUE queue`,
        `in ${netns}: ${rule(request, 0).join(" ").replace("--queue-num 0", "--queue-num <free>")}`,
      ],
      undo: {
        kind: "nfqueue",
        ...namespaceOf(netns, request.target),
        comment: ruleComment(request.id),
        worker: null,
        ...(way && { detour: way }),
      },
    };
  },

  async inspect(request) {
    await requireNoOverlap(request, [met(request)]);
    const way = detour(request);
    if (way) await requireDetour(met(request).hook.netns, way, request.target.name);
  },

  async inject(request, undo, amend) {
    const { client, queue } = await startWorker(request, undo.netns);
    amend({ ...undo, worker: { ...client.ref, queue } });
    if (undo.detour) await addDetour(undo.netns, undo.detour);
    await execIn(undo.netns, rule(request, queue));
    const { netns, comment } = undo;
    return {
      async verify() {
        const [stats, rules] = await Promise.all([client.stats(), listRules(netns)]);
        const ruleIsThere = rulesWithComment(rules, comment).length > 0;
        return queueEvidence(impairmentOf(request.params), stats, ruleIsThere);
      },
    };
  },

  async undo(undo) {
    const { comment, worker, detour } = undo;
    try {
      await undoIn(undo, async (netns) => {
        await removeRules(netns, comment);
        if (detour) await removeDetour(netns, detour);
      });
    } finally {
      // Even when the rule could not be removed: without a listener, it lets packets pass.
      if (worker) await endWorker(worker);
    }
  },

  async remains(undo) {
    const { comment, worker, detour } = undo;
    const rules = await lookIn(undo, (netns) => rulesLeft(netns, comment));
    const block = await lookIn(undo, (netns) => detourLeft(netns, detour));
    const lives = worker && isAlive(worker) ? `packet worker ${worker.pid}` : null;
    return [rules, block, lives].filter(Boolean).join(", ") || null;
  },
});

/** Starts a worker on a queue that no rule and no other process uses. */
async function startWorker(
  request: Request,
  netns: string,
): Promise<{ client: WorkerClient; queue: number }> {
  const saved = await execIn(netns, ["iptables-save"]);
  const table = await execIn(netns, ["cat", QUEUE_TABLE]);
  const used = queuesInRules(saved.stdout);
  for (const row of parseQueueTable(table.stdout)) used.add(row.queue);
  for (;;) {
    const queue = freeQueue(used);
    if (queue === null) throw new ChaoslabError("busy", `${netns}: every queue number is in use`);
    const client = await WorkerClient.start(netns, workerOptions(request, queue));
    if (client !== "busy") return { client, queue };
    used.add(queue);
  }
}

/** Ends the worker, which lets go what it holds; kills it when it does not end in time. */
async function endWorker(worker: ProcessRef): Promise<void> {
  const gone = (): boolean => !isAlive(worker);
  if (!signalProcess(worker, "SIGTERM")) return;
  const wait = { what: `packet worker ${worker.pid} to end`, timeoutMs: 2_000, intervalMs: 2 };
  try {
    await waitFor(gone, wait);
  } catch {
    signalProcess(worker, "SIGKILL");
    await waitFor(gone, wait);
  }
}

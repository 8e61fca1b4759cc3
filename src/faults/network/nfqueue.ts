/**
 * Packet-level faults without netem: a rule in the fabric hands the target's packets to a queue, and a worker
 * process holds each until it is due.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError } from "../../cli/errors.ts";
import { isAlive, type ProcessRef, signalProcess } from "../../lab/process.ts";
import { waitFor } from "../../lab/wait.ts";
import type { Evidence } from "../../model/fault.ts";
import type { LatencyParams } from "../../model/params.ts";
import { defineBackend, type FaultRequest } from "../fault.ts";
import {
  appendRule,
  deleteRule,
  LIST_RULES,
  overlapping,
  parseRules,
  queuesInRules,
  type Rule,
  ruleComment,
  rulesWithComment,
} from "./iptables.ts";
import { execIn, requireNamespace, trial, undoIn } from "./netns.ts";
import { WorkerClient, workerCommand } from "./packetqueue/client.ts";
import { freeQueue, parseQueueTable, QUEUE_TABLE } from "./packetqueue/queue-table.ts";
import type { WorkerOptions } from "./packetqueue/worker.ts";

const NfqueueUndo = Type.Object({
  kind: Type.Literal("nfqueue"),
  /** Namespace of the rule. */
  netns: Type.String(),
  /** Comment that marks the rule as this fault's. */
  comment: Type.String(),
  /** Known once the worker runs. */
  worker: Type.Union([
    Type.Object({ pid: Type.Integer(), starttime: Type.Number(), queue: Type.Integer() }),
    Type.Null(),
  ]),
});
type NfqueueUndo = Static<typeof NfqueueUndo>;
type Request = FaultRequest<LatencyParams>;

/** Jitter is the same in every run unless a seed says otherwise. */
const DEFAULT_SEED = 1;

const rule = ({ id, target, peer }: Request, queue: number): string[] =>
  appendRule({ source: target.address, destination: peer?.address ?? null, comment: ruleComment(id), queue });

const workerOptions = ({ params, maxLifetimeMs }: Request, queue: number): WorkerOptions => ({
  queue,
  delayMs: params.delay_ms,
  jitterMs: params.jitter_ms ?? 0,
  seed: params.seed ?? DEFAULT_SEED,
  maxLifetimeMs,
});

async function listRules(netns: string): Promise<Rule[]> {
  return parseRules((await execIn(netns, LIST_RULES)).stdout);
}

export const nfqueue = defineBackend<LatencyParams, NfqueueUndo>({
  name: "nfqueue",
  undoSchema: NfqueueUndo,

  async probe(request) {
    const queue = freeQueue(new Set()) ?? 0;
    const [rules, worker] = await Promise.all([
      trial(rule(request, queue)),
      trial([...workerCommand(workerOptions(request, queue)), "--probe"]),
    ]);
    return rules ?? worker;
  },

  plan(request) {
    const { netns } = request.target.fabric;
    return {
      steps: [
        `in ${netns}: a process that listens on a free NFQUEUE queue`,
        `in ${netns}: ${rule(request, 0).join(" ").replace("--queue-num 0", "--queue-num <free>")}`,
      ],
      undo: { kind: "nfqueue", netns, comment: ruleComment(request.id), worker: null },
    };
  },

  async inspect({ target, peer }) {
    requireNamespace(target.fabric.netns, target.name);
    const rules = await listRules(target.fabric.netns);
    if (overlapping(rules, target.address, peer?.address ?? null)) {
      throw new ChaoslabError("busy", `${target.name}: a fault of chaoslab's already acts on these packets`);
    }
  },

  async inject(request, undo, amend) {
    const { client, queue } = await startWorker(request, undo.netns);
    amend({ ...undo, worker: { ...client.ref, queue } });
    await execIn(undo.netns, rule(request, queue));
    return { verify: () => verify(client, undo) };
  },

  async undo({ netns, comment, worker }) {
    try {
      await undoIn(netns, async () => {
        for (const each of rulesWithComment(await listRules(netns), comment)) {
          // Gone already when another process undoes the same fault at this moment.
          await execIn(netns, deleteRule(each), { allowFailure: true });
        }
        const left = rulesWithComment(await listRules(netns), comment).length;
        if (left > 0)
          throw new ChaoslabError("internal", `${netns}: iptables rule ${comment} could not be removed`);
      });
    } finally {
      // Even when the rule could not be removed: without a listener, it lets packets pass.
      if (worker) await endWorker(worker);
    }
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

async function verify(client: WorkerClient, { netns, comment }: NfqueueUndo): Promise<Evidence> {
  const [stats, rules] = await Promise.all([client.stats(), listRules(netns)]);
  const measures = {
    packets: stats?.packets ?? 0,
    undelayed_packets: stats?.undelayed ?? 0,
    dropped_packets: stats?.dropped ?? 0,
    ...(stats?.mean_hold_ms == null
      ? {}
      : { mean_delay_ms: stats.mean_hold_ms, max_delay_ms: stats.max_hold_ms }),
  };
  const lost = (detail: string): Evidence => ({ landed: false, detail, measures });
  if (!stats) return lost("the packet worker has ended: packets pass undelayed");
  if (rulesWithComment(rules, comment).length === 0) return lost(`the rule ${comment} is gone`);
  const { packets, undelayed, dropped, mean_hold_ms: mean, max_hold_ms: max } = stats;
  const held = `held ${packets} packets for ${(mean ?? 0).toFixed(3)} ms on average, ${max.toFixed(3)} ms at most`;
  return {
    landed: packets > 0,
    detail: `nfqueue ${held}; ${undelayed} passed undelayed, ${dropped} dropped`,
    measures,
  };
}

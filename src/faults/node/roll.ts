/**
 * Restarts of several nodes, one at a time: the next one's turn comes when the one before it answers ready again.
 * @module
 */
import { reasonOf } from "../../cli/errors.ts";
import type { Target } from "../../lab/target.ts";
import type { Evidence } from "../../model/fault.ts";
import { type HalfWay, NodeRestart, type RestartOptions, type RestartProgress } from "./node-restart.ts";

export class Roll {
  readonly #nodes: readonly NodeRestart[];
  readonly #halt = new AbortController();
  #goingOn: Promise<void> = Promise.resolve();

  constructor(
    targets: readonly Target[],
    options: RestartOptions,
    /** Called before anything is done to a node; what it throws ends the roll. */
    readonly record: (halfWay: HalfWay) => void,
  ) {
    this.#nodes = targets.map((target) => new NodeRestart(target, options));
  }

  /** Asks the first node to end, or kills it. All else goes on after the return. */
  async begin(): Promise<void> {
    await this.#nodes[0]?.begin(this.record, this.#halt.signal);
    this.#goingOn = this.#goOn();
  }

  /** Goes no further: a node that is half-way stays so. */
  async halt(): Promise<void> {
    this.#halt.abort();
    await this.#goingOn;
  }

  evidence(): Evidence {
    return rollEvidence(
      this.#nodes.map((node) => node.progress),
      this.#halt.signal.aborted,
    );
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#halt;
    for (const node of this.#nodes) {
      try {
        if (!node.progress.begun) await node.begin(this.record, signal);
        await node.finish(signal);
      } catch (error) {
        if (!signal.aborted) node.progress.failure = reasonOf(error);
        return;
      }
    }
  }
}

/**
 * What a roll has done so far. It landed when the first node's process was seen gone and replaced.
 * @param halted the fault is about to be taken back, by its lease or by somebody.
 */
export function rollEvidence(nodes: readonly RestartProgress[], halted: boolean): Evidence {
  const ready = nodes.filter((each) => each.readyAfterMs !== null).length;
  const ended = (how: string): number => nodes.filter((each) => each.ended?.how === how).length;
  const over = halted || nodes.some((each) => each.failure !== null);
  const measures: Record<string, number> = {
    nodes: nodes.length,
    restarted_nodes: ready,
    drained_nodes: ended("drained"),
    killed_nodes: ended("killed"),
  };
  for (const { node, ended, readyAfterMs } of nodes) {
    if (ended) measures[`${node}.ended_after_ms`] = ended.afterMs;
    if (readyAfterMs !== null) measures[`${node}.ready_after_ms`] = readyAfterMs;
  }
  const count = `${ready} of ${nodes.length} ${nodes.length === 1 ? "node" : "nodes"} restarted`;
  const cut = halted && ready < nodes.length && !nodes.some((each) => each.failure !== null);
  return {
    landed: nodes[0]?.ended !== null && nodes[0]?.replaced === true,
    detail: [
      count,
      ...nodes.map((each) => inWords(each, over)),
      ...(cut ? ["cut short by the end of the fault: its lease, or a revert"] : []),
    ].join("; "),
    measures,
  };
}

function inWords(
  { node, begun, ended, replaced, readyAfterMs, failure }: RestartProgress,
  over: boolean,
): string {
  const stopped = failure === null ? "" : ` (${failure}; the roll stopped there)`;
  if (!begun) return `${node} ${over ? "not reached" : "waits for its turn"}${stopped}`;
  if (!ended) return `${node} asked to end and still draining${stopped}`;
  const end = `${node} ${ended.how} after ${ended.afterMs} ms`;
  if (readyAfterMs !== null) return `${end}, ready after ${readyAfterMs} ms`;
  return `${end}, ${replaced ? "started again but not ready" : "not started again"} yet${stopped}`;
}

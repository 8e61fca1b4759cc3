/**
 * The hypothesis library: what usually goes wrong between two nodes, and with one. Each idea says what is done, what the
 * system should make of it, and what keeps it from being done to a certain node.
 * @module
 */
import type { FaultSpec } from "../model/fault.ts";
import type { Measure } from "../model/sli.ts";
import type { NodeFacts } from "./facts.ts";

/** What an idea is about: a node, and for ideas about the way between two, the one that calls it. */
export interface Subject {
  node: string;
  facts: NodeFacts;
  caller: { node: string; facts: NodeFacts } | null;
  /** For how long a user waits, in seconds. */
  timeoutS: number;
}

export interface Idea {
  /** The end of the hypothesis's name. */
  kind: string;
  /** What it is seen by first. */
  measure: Measure;
  fault(subject: Subject): FaultSpec;
  /** The hypothesis, in words. */
  claim(subject: Subject): string;
  /** What to know about its numbers, as a comment; null: nothing. */
  note(subject: Subject): string | null;
  /** Why it cannot be done to this node; null: it can. */
  lacks(subject: Subject): string | null;
}

/** How much later an answer is that is merely slow, in milliseconds. */
const SLOW_MS = 200;
/** The most that a packet can be held. */
const MOST_DELAY_MS = 60_000;
const LOSS_PERCENT = 5;
const CORES = 0.1;
const SKEW_MS = 300_000;

const from = ({ caller }: Subject): string => caller?.node ?? "its callers";
const peer = ({ caller }: Subject): { peer: string } | Record<string, never> =>
  caller ? { peer: caller.node } : {};
const none = (): null => null;

function lacksNetwork({ node, facts, caller }: Subject): string | null {
  const host = [{ node, facts }, ...(caller ? [{ node: caller.node, facts: caller.facts }] : [])].find(
    (each) => !each.facts.ownNetwork,
  );
  return host
    ? `${host.node} has the host's own network, in which its packets cannot be told from others'`
    : null;
}

const lacksGroup = ({ node, facts }: Subject): string | null =>
  facts.ownGroup ? null : `${node} has no cgroup to itself, by which it would be held`;

/** Later than anybody waits, by a fifth. */
const pastTimeout = ({ timeoutS }: Subject): number => Math.min(Math.ceil(timeoutS * 1_200), MOST_DELAY_MS);

/** About the way from a caller to what it calls. */
export const EDGE_IDEAS: readonly Idea[] = [
  {
    kind: "slow",
    measure: "p99",
    fault: (subject) => ({
      type: "latency",
      target: subject.node,
      params: { delay_ms: SLOW_MS, ...peer(subject) },
    }),
    claim: (subject) =>
      `${subject.node} answers ${from(subject)} ${SLOW_MS} ms later. Whoever needs it waits that much longer for each answer, and nobody queues behind them.`,
    note: none,
    lacks: lacksNetwork,
  },
  {
    kind: "very-slow",
    measure: "error_rate",
    fault: (subject) => ({
      type: "latency",
      target: subject.node,
      params: { delay_ms: pastTimeout(subject), ...peer(subject) },
    }),
    claim: (subject) =>
      `${subject.node} answers ${from(subject)} later than any user waits. ${from(subject)} gives up in time, says so, and goes on with all that does not need it.`,
    note: ({ timeoutS }) => `A user waits ${timeoutS} s (load.timeout_s).`,
    lacks: lacksNetwork,
  },
  {
    kind: "lossy",
    measure: "p99",
    fault: (subject) => ({
      type: "loss",
      target: subject.node,
      params: { loss_percent: LOSS_PERCENT, ...peer(subject) },
    }),
    claim: (subject) =>
      `Of what ${subject.node} sends ${from(subject)}, ${LOSS_PERCENT} % of the packets are lost. TCP sends them again, and nobody notices more than a delay.`,
    note: none,
    lacks: lacksNetwork,
  },
  {
    kind: "partitioned",
    measure: "error_rate",
    fault: (subject) => ({ type: "partition", target: subject.node, params: { ...peer(subject) } }),
    claim: (subject) =>
      `Nothing passes between ${from(subject)} and ${subject.node}, and nobody is told. ${from(subject)} gives up in time, and finds its way back when packets pass again.`,
    note: none,
    lacks: lacksNetwork,
  },
];

/** The only one that is also about nodes which nobody calls. */
export const DEAD: Idea = {
  kind: "dead",
  measure: "error_rate",
  fault: ({ node }) => ({ type: "kill", target: node, params: {} }),
  claim: ({ node }) =>
    `Every process of ${node} is killed. It is started again, its callers connect anew, and what was lost is what was on its way.`,
  note: none,
  lacks: ({ node, facts }) =>
    facts.restarts ? null : `nothing starts ${node} again: it would stay dead after the experiment`,
};

/** About a node that others call. */
export const NODE_IDEAS: readonly Idea[] = [
  {
    kind: "hung",
    measure: "error_rate",
    fault: ({ node }) => ({ type: "stop", target: node, params: {} }),
    claim: ({ node }) =>
      `${node} hangs: its connections stay open and no answer comes. Its callers give up in time, and go on with all that does not need it.`,
    note: none,
    lacks: none,
  },
  DEAD,
  {
    kind: "starved",
    measure: "p99",
    fault: ({ node }) => ({ type: "cpu", target: node, params: { cores: CORES } }),
    claim: ({ node }) =>
      `${node} gets a tenth of a core. It is slower, and what it cannot do it refuses early.`,
    note: () => "Inconclusive where it never wants more: take fewer cores then.",
    lacks: lacksGroup,
  },
  {
    kind: "squeezed",
    measure: "error_rate",
    fault: ({ node, facts }) => ({
      type: "memory",
      target: node,
      params: { limit_mib: squeezedMib(facts) ?? 1 },
    }),
    claim: ({ node }) =>
      `${node} gets less memory than it holds. It gives back caches, or is killed for it and started again; it does not lose data and does not hang.`,
    note: ({ facts }) => `It held ${Math.ceil(leastHeld(facts))} MiB or more when this was written.`,
    lacks: (subject) => lacksGroup(subject) ?? lacksMemory(subject) ?? DEAD.lacks(subject),
  },
  {
    kind: "full",
    measure: "error_rate",
    fault: ({ node }) => ({ type: "disk", target: node, params: { fill_percent: 100 } }),
    claim: ({ node }) =>
      `The volume of ${node} is full. Writes are refused at once and reads go on; it takes up writing again when there is room.`,
    note: none,
    lacks: ({ node, facts }) => (facts.ownVolume ? null : `no volume of ${node} is named in the lab's file`),
  },
  {
    kind: "skewed",
    measure: "error_rate",
    fault: ({ node }) => ({ type: "clock", target: node, params: { offset_ms: SKEW_MS } }),
    claim: ({ node }) =>
      `The clock of ${node} is five minutes ahead of everybody else's. Nothing that is still good is taken for expired.`,
    note: () => "Negative: behind.",
    lacks: none,
  },
];

/** Limits that are tried: coarse, so that a suite written twice is the same. */
const STEPS_MIB = [3, 4].flatMap((base) => Array.from({ length: 16 }, (_, i) => base * 2 ** i));
const SQUEEZED_SHARE = 0.75;

/** The greatest step that is at most three quarters of what the node holds; null where that is next to nothing. */
export function squeezedMib({ memoryMib }: Pick<NodeFacts, "memoryMib">): number | null {
  const below = STEPS_MIB.filter((step) => step <= SQUEEZED_SHARE * (memoryMib ?? 0));
  return below.length === 0 ? null : Math.max(...below);
}

const leastHeld = (facts: NodeFacts): number => (squeezedMib(facts) ?? 0) / SQUEEZED_SHARE;

const lacksMemory = ({ node, facts }: Subject): string | null =>
  squeezedMib(facts) === null ? `${node} holds next to no memory` : null;

/** Every kind there is, in the order of the suite. */
export const KINDS: readonly string[] = [...EDGE_IDEAS, ...NODE_IDEAS].map(({ kind }) => kind);

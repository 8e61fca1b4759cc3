/** A default suite: the library's ideas, applied to each dependency and each node of a system. Pure. @module */
import type { FaultSpec } from "../model/fault.ts";
import type { LabFile } from "../model/lab-file.ts";
import type { Slo, StopCondition } from "../model/schedule.ts";
import type { NodeFacts } from "./facts.ts";
import { DEAD, EDGE_IDEAS, type Idea, NODE_IDEAS, type Subject } from "./library.ts";
import { Objectives, type Operation } from "./objectives.ts";

export interface Suggested {
  name: string;
  kind: string;
  claim: string;
  note: string | null;
  sli: string;
  bounds: Slo;
  fault: FaultSpec;
  stop: StopCondition;
  /** Operations that may suffer; null: every one. */
  blastRadius: readonly string[] | null;
}

export interface LeftOut {
  name: string;
  why: string;
}

/** What is asked of one dependency, or of one node. */
export interface Group {
  /** E.g. `E2`. */
  id: string;
  title: string;
  question: string;
  hypotheses: readonly Suggested[];
  leftOut: readonly LeftOut[];
}

export interface Suite {
  name: string;
  objectives: Objectives;
  groups: readonly Group[];
}

export interface SuiteInput {
  file: LabFile;
  facts: ReadonlyMap<string, NodeFacts>;
  operations: readonly Operation[];
  timeoutS: number;
  /** Kinds that are wanted; null: all. */
  only: readonly string[] | null;
}

export const WINDOW_S = 120;

/** Of what must not notice anything: the first sign that the damage spreads. */
const BYSTANDER_STOP = { threshold: "> 5 %", for_s: 5 } as const;
/** Of what may suffer: long enough to see whether it gets over it by itself. */
const VICTIM_STOP = { threshold: "> 50 %", for_s: 20 } as const;

export function makeSuite(input: SuiteInput): Suite {
  const { file, facts, only } = input;
  const objectives = new Objectives(file, input.operations);
  const names = new Names();
  const groups: Group[] = [];
  const add = (subject: Subject, ideas: readonly Idea[], title: string, question: string): void => {
    const wanted = ideas.filter(({ kind }) => only === null || only.includes(kind));
    if (wanted.length === 0) return;
    const hypotheses: Suggested[] = [];
    const leftOut: LeftOut[] = [];
    for (const idea of wanted) {
      const name = names.of(subject, idea);
      const why = sendsLoad(file, subject, idea) ?? idea.lacks(subject);
      if (why === null) hypotheses.push(suggest(name, idea, subject, objectives, input));
      else leftOut.push({ name, why });
    }
    groups.push({ id: `E${groups.length + 1}`, title, question, hypotheses, leftOut });
  };
  const subjectOf = (node: string, caller: string | null): Subject => ({
    node,
    facts: factOf(facts, node),
    caller: caller === null ? null : { node: caller, facts: factOf(facts, caller) },
    timeoutS: input.timeoutS,
  });
  const edges = Object.entries(file.dependencies ?? {}).flatMap(([caller, callees]) =>
    callees.map((callee) => ({ caller, callee })),
  );
  for (const { caller, callee } of edges) {
    const question = `What is noticed when ${callee} is slow, lossy or not to be reached, for ${caller} alone?`;
    add(subjectOf(callee, caller), EDGE_IDEAS, `From ${caller} to ${callee}`, question);
  }
  for (const node of Object.keys(file.nodes)) {
    const isCalled = edges.some(({ callee }) => callee === node);
    const [ideas, question] = isCalled
      ? [NODE_IDEAS, `What is noticed when ${node} hangs, dies, or runs short of something?`]
      : [[DEAD], `What is noticed when ${node} dies?`];
    add(subjectOf(node, null), ideas, `${node} itself`, question);
  }
  return { name: `${file.name}-suite`, objectives, groups };
}

/** The load is sent from the network of one node: when that ends, so does all that is measured. */
function sendsLoad({ client }: LabFile, { node }: Subject, { kind }: Idea): string | null {
  return client === node && ENDING.includes(kind) ? `the load is sent from ${node}` : null;
}
const ENDING: readonly string[] = ["dead", "squeezed"];

function suggest(
  name: string,
  idea: Idea,
  subject: Subject,
  objectives: Objectives,
  { file, operations }: SuiteInput,
): Suggested {
  const byWeight = operations.toSorted((a, b) => b.weight - a.weight);
  const involved = [subject.node, ...(subject.caller ? [subject.caller.node] : [])];
  const suffers = ({ name: operation }: Operation): boolean =>
    involved.every((node) => file.needs?.[operation]?.includes(node) ?? true);
  const victims = byWeight.filter(suffers);
  const bystander = byWeight.find((operation) => !suffers(operation));
  const about = objectives.about(victims.length > 0 ? victims : byWeight, idea.measure);
  if (!about) throw new RangeError("a suite without an objective");
  const watched = bystander ?? victims[0];
  const stop = { ...(bystander ? BYSTANDER_STOP : VICTIM_STOP) };
  return {
    name,
    kind: idea.kind,
    claim: idea.claim(subject),
    note: idea.note(subject),
    sli: about.sli,
    bounds: about.bounds,
    fault: idea.fault(subject),
    stop: { sli: objectives.sli(watched?.name ?? "", "error_rate"), ...stop },
    blastRadius: bystander ? operations.filter(suffers).map((operation) => operation.name) : null,
  };
}

function factOf(facts: ReadonlyMap<string, NodeFacts>, node: string): NodeFacts {
  const found = facts.get(node);
  if (found) return found;
  throw new RangeError(`nothing is known of ${node}`);
}

/** Longest name of a hypothesis. */
const LONGEST = 40;

/** Names of hypotheses, each once: `app-db-slow`; what is too long or taken ends in a check sum of what it is about. */
class Names {
  readonly #taken = new Set<string>();

  of({ node, caller }: Subject, { kind }: Idea): string {
    const about = caller ? `${caller.node}-${node}` : node;
    const plain = `${about}-${kind}`;
    const sum = Bun.hash
      .crc32(`${caller?.node ?? ""} ${node}`)
      .toString(16)
      .padStart(8, "0");
    const end = `-${sum}-${kind}`;
    const isFree = plain.length <= LONGEST && !this.#taken.has(plain);
    const name = isFree ? plain : `${about.slice(0, LONGEST - end.length)}${end}`;
    this.#taken.add(name);
    return name;
  }
}

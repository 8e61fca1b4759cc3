/**
 * iptables(8) as data: the rule that hands a node's packets to a queue, and what `iptables -S` answers.
 * @module
 */

const COMMENT_PREFIX = "chaoslab:";

/** The comment that marks the rule of one fault. */
export const ruleComment = (id: string): string => `${COMMENT_PREFIX}${id}`;

/** What every command starts with: wait for the lock of another iptables, work on the mangle table. */
const MANGLE = ["iptables", "-w", "-t", "mangle"];

export interface QueueRule {
  /** IPv4 address whose packets are queued. */
  source: string;
  /** Only packets to this address; null: to any. */
  destination: string | null;
  comment: string;
  queue: number;
}

/**
 * Appends the rule to FORWARD, where a packet has already crossed the sender's veth and so no longer counts
 * against its socket's TCP small queue. Without a listener on the queue, packets pass (`--queue-bypass`).
 */
export function appendRule({ source, destination, comment, queue }: QueueRule): string[] {
  const match = ["-s", `${source}/32`, ...(destination === null ? [] : ["-d", `${destination}/32`])];
  const mark = ["-m", "comment", "--comment", comment];
  return [
    ...MANGLE,
    "-A",
    "FORWARD",
    ...match,
    ...mark,
    "-j",
    "NFQUEUE",
    "--queue-num",
    `${queue}`,
    "--queue-bypass",
  ];
}

/** Lists FORWARD in the form that {@link parseRules} reads. */
export const LIST_RULES: readonly string[] = [...MANGLE, "-S", "FORWARD"];

/** A rule as its arguments, without the leading `-A`: `["FORWARD", "-s", ...]`. */
export type Rule = readonly string[];

/** Parses `iptables -S CHAIN`. Arguments with blanks are in double quotes, with backslash escapes. */
export function parseRules(text: string): Rule[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("-A "))
    .map((line) =>
      Array.from(line.slice(3).matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g), ([, quoted, plain]) =>
        quoted === undefined ? (plain ?? "") : quoted.replace(/\\(.)/g, "$1"),
      ),
    );
}

/** The value that follows an option in a rule. */
export function optionOf(rule: Rule, name: string): string | null {
  const at = rule.indexOf(name);
  return at < 0 ? null : (rule[at + 1] ?? null);
}

export function rulesWithComment(rules: readonly Rule[], comment: string): Rule[] {
  return rules.filter((rule) => optionOf(rule, "--comment") === comment);
}

export const deleteRule = (rule: Rule): string[] => [...MANGLE, "-D", ...rule];

/**
 * A rule of ours that would take some of the same packets. The first rule that queues a packet is the only one
 * to see it, so that two faults on the same packets would not add up.
 */
export function overlapping(rules: readonly Rule[], source: string, destination: string | null): Rule | null {
  return (
    rules.find((rule) => {
      const to = optionOf(rule, "-d");
      const ours = optionOf(rule, "--comment")?.startsWith(COMMENT_PREFIX) === true;
      const sameSource = optionOf(rule, "-s") === `${source}/32`;
      return ours && sameSource && (to === null || destination === null || to === `${destination}/32`);
    }) ?? null
  );
}

/** Queue numbers that the rules of `iptables-save` or `iptables -S` send packets to, ranges included. */
export function queuesInRules(text: string): Set<number> {
  const used = new Set<number>();
  for (const [, first = "", last = first] of text.matchAll(/--queue-(?:num|balance) (\d+)(?::(\d+))?/g)) {
    for (let queue = Number(first); queue <= Number(last); queue++) used.add(queue);
  }
  return used;
}

/**
 * iptables(8) as data: the rules that queue or drop a node's packets, and what `iptables -S` answers.
 * @module
 */
import type { Flow, Hook } from "./flow.ts";

const COMMENT_PREFIX = "chaoslab:";

/** The comment that marks the rule of one fault. */
export const ruleComment = (id: string): string => `${COMMENT_PREFIX}${id}`;

/** What every command starts with: wait for the lock of another iptables, work on the mangle table. */
const MANGLE = ["iptables", "-w", "-t", "mangle"];

export interface QueueRule extends Flow {
  hook: Pick<Hook, "chain" | "device">;
  comment: string;
  queue: number;
}

/** Appends the rule. Without a listener on the queue, packets pass (`--queue-bypass`). */
export function appendRule({ hook, source, destination, comment, queue }: QueueRule): string[] {
  return [
    ...MANGLE,
    "-A",
    hook.chain,
    ...through(hook),
    ...matching({ source, destination }),
    ...marked(comment),
    "-j",
    "NFQUEUE",
    "--queue-num",
    `${queue}`,
    "--queue-bypass",
  ];
}

/** Puts a rule that drops these packets before all others: nothing else may let them pass. */
export const dropRule = (hook: Pick<Hook, "chain" | "device">, flow: Flow, comment: string): string[] => [
  ...MANGLE,
  "-I",
  hook.chain,
  ...through(hook),
  ...matching(flow),
  ...marked(comment),
  "-j",
  "DROP",
];

const through = ({ device }: Pick<Hook, "chain" | "device">): string[] =>
  device === null ? [] : ["-i", device];
const matching = ({ source, destination }: Flow): string[] => [
  ...(source === null ? [] : ["-s", `${source}/32`]),
  ...(destination === null ? [] : ["-d", `${destination}/32`]),
];
const marked = (comment: string): string[] => ["-m", "comment", "--comment", comment];

/** Lists the table in the form that {@link parseRules} reads. */
export const LIST_RULES: readonly string[] = [...MANGLE, "-S"];

/** The same with each rule's counters, as `-c PACKETS BYTES`. */
export const COUNT_RULES: readonly string[] = [...LIST_RULES, "-v"];

/** Packets and bytes that these rules of {@link COUNT_RULES} have matched. */
export function countersOf(rules: readonly Rule[]): { packets: number; bytes: number } {
  const sum = { packets: 0, bytes: 0 };
  for (const rule of rules) {
    const at = rule.lastIndexOf("-c");
    sum.packets += Number(rule[at + 1] ?? 0);
    sum.bytes += Number(rule[at + 2] ?? 0);
  }
  return sum;
}

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
 * A rule of ours that would take some of the same packets. The first rule that queues or drops a packet is the only
 * one to see it, so that two faults on the same packets would not add up.
 */
export function overlapping(
  rules: readonly Rule[],
  chain: Hook["chain"],
  { source, destination }: Flow,
): Rule | null {
  const meets = (rule: Rule, option: string, address: string | null): boolean => {
    const ruled = optionOf(rule, option);
    return ruled === null || address === null || ruled === `${address}/32`;
  };
  return (
    rules.find((rule) => {
      const ours = optionOf(rule, "--comment")?.startsWith(COMMENT_PREFIX) === true;
      return ours && rule[0] === chain && meets(rule, "-s", source) && meets(rule, "-d", destination);
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

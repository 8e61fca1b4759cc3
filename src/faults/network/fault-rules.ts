/**
 * The rules of one fault in a namespace's mangle table, found by their comment.
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import { execIn } from "../../lab/netns.ts";
import type { FaultRequest } from "../fault.ts";
import type { Flow, Hook } from "./flow.ts";
import { deleteRule, LIST_RULES, overlapping, parseRules, type Rule, rulesWithComment } from "./iptables.ts";
import { requireNamespace } from "./netns.ts";

export async function listRules(netns: string): Promise<Rule[]> {
  return parseRules((await execIn(netns, LIST_RULES)).stdout);
}

/** @throws {ChaoslabError} `busy` when a fault of ours already acts on some of these packets, `notFound`. */
export async function requireNoOverlap(
  { target }: FaultRequest<unknown>,
  flows: readonly { hook: Hook; flow: Flow }[],
): Promise<void> {
  for (const { hook, flow } of flows) {
    requireNamespace(hook.netns, target.name);
    if (!overlapping(await listRules(hook.netns), hook.chain, flow)) continue;
    throw new ChaoslabError("busy", `${target.name}: a fault of chaoslab's already acts on these packets`);
  }
}

async function rulesOf(netns: string, comment: string): Promise<Rule[]> {
  return rulesWithComment(await listRules(netns), comment);
}

/** The rules with the comment, in words; null when there is none. The namespace exists. */
export async function rulesLeft(netns: string, comment: string): Promise<string | null> {
  const { length } = await rulesOf(netns, comment);
  if (length === 0) return null;
  return `${length === 1 ? "a rule" : `${length} rules`} of iptables with comment ${comment} in ${netns}`;
}

const MOST_TRIES = 5;

/** Deletes every rule with the comment, until a look finds none; the namespace exists. */
export async function removeRules(netns: string, comment: string): Promise<void> {
  // Again, as the owner may be adding them at this moment.
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const rules = await rulesOf(netns, comment);
    if (rules.length === 0) return;
    for (const each of rules) {
      // Gone already when another process undoes the same fault at this moment.
      await execIn(netns, deleteRule(each), { allowFailure: true });
    }
  }
  throw new ChaoslabError("internal", `${netns}: iptables rule ${comment} could not be removed`);
}

/**
 * Judges answers by what a scenario expects of them, and takes captures out of them.
 * @module
 */
import type { Outcome } from "../../model/load.ts";
import type { Capture, Expectation, RequestSpec } from "../../model/scenario.ts";
import { outcomeOf } from "../client.ts";
import type { Answer } from "../workload.ts";
import type { Captures } from "./captures.ts";

export interface Check {
  /** Whether it looks at more than the status. */
  readonly looksInside: boolean;
  accepts(status: number): boolean;
  /** What is wrong with an answer of an accepted status, in words that go on from "the answer"; null: nothing. */
  problem(answer: Answer, tenant: number): string | null;
}

type Status = NonNullable<Expectation["status"]>;

/** The check of a request, whose captures it keeps. */
export function createCheck(
  { expect = {}, capture = {} }: Pick<RequestSpec, "expect" | "capture">,
  captures: ReadonlyMap<string, Captures>,
): Check {
  const takers = Object.entries(capture).map(([name, spec]) => createTaker(name, spec, captures.get(name)));
  const wants = Object.entries(expect.json ?? {}).map(([path, value]) => ({
    keys: path.split("."),
    value,
    problem: `has not ${JSON.stringify(value)} at ${path} in its body`,
  }));
  const { status, body_contains: fragment } = expect;
  const accepts = createStatusTest(status);
  const needsJson = wants.length > 0 || Object.values(capture).some(({ json }) => json !== undefined);
  const needsText = needsJson || fragment !== undefined;
  const problem = (answer: Answer, tenant: number): string | null => {
    const text = needsText ? textOf(answer) : "";
    if (fragment !== undefined && !text.includes(fragment))
      return `has not ${JSON.stringify(fragment)} in its body`;
    const json = needsJson ? parse(text) : undefined;
    for (const { keys, value, problem } of wants) if (dig(json, keys) !== value) return problem;
    // An expected error has its own body, and nothing to take from it.
    if (answer.status >= 400) return null;
    for (const take of takers) {
      const problem = take(answer, json, tenant);
      if (problem !== null) return problem;
    }
    return null;
  };
  return { looksInside: needsText || takers.length > 0, accepts, problem };
}

export function judge(check: Check, answer: Answer, tenant: number): Outcome {
  const isError = answer.status >= 400;
  if (!check.accepts(answer.status)) return isError ? outcomeOf(answer) : "unexpected";
  if (check.problem(answer, tenant) !== null) return "unexpected";
  return isError ? "expected" : outcomeOf(answer);
}

function createStatusTest(status: Status | undefined): (status: number) => boolean {
  if (status === undefined) return (given) => given < 400;
  const accepted = (Array.isArray(status) ? status : [status]).map(String);
  const table = Array.from({ length: 600 }, (_, code) =>
    accepted.some((each) => each === String(code) || each === `${Math.floor(code / 100)}xx`),
  );
  return (given) => table[given] ?? false;
}

type Taker = (answer: Answer, json: unknown, tenant: number) => string | null;

function createTaker(name: string, { json: path, header }: Capture, store: Captures | undefined): Taker {
  const keep = (value: unknown, tenant: number): boolean =>
    ["string", "number", "boolean"].includes(typeof value) && store?.keep(String(value), tenant) !== false;
  if (header !== undefined) {
    const line = new RegExp(`\\r\\n${header.replace(/\W/g, "\\$&")}:[ \\t]*(.*?)[ \\t]*(?:\\r\\n|$)`, "i");
    const problem = `has no header ${header} to take ${name} from`;
    return ({ head }, _, tenant) => (keep(line.exec(head ?? "")?.[1], tenant) ? null : problem);
  }
  const keys = (path ?? "").split(".");
  const problem = `has no usable ${path} in its body to take ${name} from`;
  return (_, json, tenant) => (keep(dig(json, keys), tenant) ? null : problem);
}

const utf8 = new TextDecoder();
const textOf = ({ body }: Answer): string => (body === null ? "" : utf8.decode(body));

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What stands at a path of names and indices; undefined when nothing does. */
function dig(value: unknown, keys: readonly string[]): unknown {
  let at = value;
  for (const key of keys) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

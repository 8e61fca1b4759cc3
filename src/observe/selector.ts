/**
 * Which samples are meant, as PromQL says it: `http_requests_total{status=~"5..",route!="/healthz"}`.
 * @module
 */
import type { Sample } from "./exposition.ts";

interface Matcher {
  label: string;
  /** A label that a sample does not have is empty. */
  accepts: (value: string) => boolean;
}

export interface Selector {
  /** As it was written. */
  text: string;
  /** On the name of the metric. */
  name: readonly Matcher[];
  labels: readonly Matcher[];
}

export function select(samples: readonly Sample[], selector: Selector): Sample[] {
  return samples.filter((sample) => isNamed(sample, selector) && accepted(sample.labels, selector.labels));
}

/** Whether the metric is the one that is meant, whatever its labels. */
export function isNamed({ name }: Sample, selector: Selector): boolean {
  return selector.name.every(({ accepts }) => accepts(name));
}

const accepted = (labels: Readonly<Record<string, string>>, matchers: readonly Matcher[]): boolean =>
  matchers.every(({ label, accepts }) => accepts(labels[label] ?? ""));

const BLANK = /\s*/y;
const METRIC = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const OPERATOR = /=~|!~|!=|=/y;
const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`/y;
const PUNCTUATION = /[{},]/y;

/** Where reading stopped, and why. */
class Stop {
  constructor(
    readonly at: number,
    readonly reason: string,
  ) {}
}

/** Reads a selector; a string says what is wrong with the text, and where: `column 12: ...`. */
export function parseSelector(text: string): Selector | string {
  try {
    return new Reader(text).selector();
  } catch (stop) {
    if (stop instanceof Stop) return `column ${stop.at + 1}: ${stop.reason}`;
    throw stop;
  }
}

class Reader {
  #at = 0;

  constructor(readonly text: string) {}

  selector(): Selector {
    const name = this.#take(METRIC);
    const matchers = this.#take(PUNCTUATION, "{") ? this.#matchers() : [];
    if (name === null && matchers.length === 0)
      throw new Stop(this.#at, "a metric's name is missing, such as http_requests_total");
    this.#skip();
    if (this.#at < this.text.length)
      throw new Stop(
        this.#at,
        "nothing may follow the selector: ranges, functions and operators are not read here",
      );
    const named = matchers.filter(({ label }) => label === "__name__");
    return {
      text: this.text,
      name: name === null ? named : [{ label: "__name__", accepts: (value) => value === name }, ...named],
      labels: matchers.filter(({ label }) => label !== "__name__"),
    };
  }

  #matchers(): Matcher[] {
    const matchers: Matcher[] = [];
    while (this.#take(PUNCTUATION, "}") === null) {
      if (matchers.length > 0 && this.#take(PUNCTUATION, ",") === null)
        throw new Stop(this.#at, "a comma or } is missing");
      // PromQL allows a comma before the closing brace.
      if (matchers.length > 0 && this.#take(PUNCTUATION, "}") !== null) break;
      matchers.push(this.#matcher());
    }
    return matchers;
  }

  #matcher(): Matcher {
    const label = this.#take(LABEL);
    if (label === null) throw new Stop(this.#at, "a label's name is missing");
    const operator = this.#take(OPERATOR);
    if (operator === null) throw new Stop(this.#at, "one of = != =~ !~ is missing");
    this.#skip();
    const from = this.#at;
    const quoted = this.#take(STRING);
    if (quoted === null) throw new Stop(from, "a quoted value is missing");
    const value = unquote(quoted, from);
    const wanted = operator.startsWith("!") ? (met: boolean) => !met : (met: boolean) => met;
    if (!operator.endsWith("~")) return { label, accepts: (given) => wanted(given === value) };
    const pattern = anchored(value, from);
    return { label, accepts: (given) => wanted(pattern.test(given)) };
  }

  /** The next token, after blanks; null when it is not of that kind, or not the one that is wanted. */
  #take(kind: RegExp, wanted?: string): string | null {
    this.#skip();
    kind.lastIndex = this.#at;
    const token = kind.exec(this.text)?.[0];
    if (token === undefined || (wanted !== undefined && token !== wanted)) return null;
    this.#at += token.length;
    return token;
  }

  #skip(): void {
    BLANK.lastIndex = this.#at;
    this.#at += BLANK.exec(this.text)?.[0].length ?? 0;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

function unquote(quoted: string, at: number): string {
  const inside = quoted.slice(1, -1);
  if (quoted.startsWith("`")) return inside;
  return inside.replace(/\\(.)/g, (all, character: string, offset: number) => {
    const meant = ESCAPES[character];
    if (meant === undefined)
      throw new Stop(
        at + 1 + offset,
        `${all} is no escape here; a backslash in a regular expression is written \\\\`,
      );
    return meant;
  });
}

/**
 * Prometheus anchors an expression at both ends. Its syntax is RE2's; what JavaScript reads differently or not at all is
 * refused by the flag u, and a leading (?i), which it does not know, is its flag i.
 */
function anchored(pattern: string, at: number): RegExp {
  const insensitive = pattern.startsWith("(?i)");
  const source = insensitive ? pattern.slice(4) : pattern;
  try {
    // Alone first: a bracket too many must not close ours.
    new RegExp(source, "u");
    return new RegExp(`^(?:${source})$`, insensitive ? "ui" : "u");
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Invalid regular expression:\s*/, "") : "";
    throw new Stop(at, `${JSON.stringify(pattern)} is not a regular expression: ${reason}`);
  }
}

/**
 * Typed readers over parsed flags: each returns a checked value or throws one line naming the flag,
 * what it was given and what is accepted.
 * @module
 */
import { ChaoslabError } from "./errors.ts";

/** Flags as the command line parser leaves them: camelCased name to value. */
export type Flags = Readonly<Record<string, unknown>>;

export interface NumberBounds {
  min?: number;
  max?: number;
  integer?: boolean;
}

const camel = (name: string): string => name.replace(/-([a-z0-9])/g, (_, c: string) => c.toUpperCase());

/**
 * The flags with each value as it was written: the parser makes a number of whatever looks like one, and `007` or
 * `1e3` may be a text.
 */
export function asWritten(flags: Flags, argv: readonly string[]): Flags {
  const written = new Map<string, string[]>();
  argv.forEach((word, i) => {
    const [, name, , value] = /^--([^=]+)(=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) return;
    const texts = written.get(camel(name)) ?? [];
    written.set(camel(name), [...texts, value ?? argv[i + 1] ?? ""]);
  });
  const restore = (name: string, value: unknown): unknown => {
    const texts = written.get(name) ?? [];
    if (typeof value === "number") return texts[0] ?? String(value);
    if (!Array.isArray(value) || value.length !== texts.length) return value;
    return value.map((each: unknown, i) => (typeof each === "number" ? (texts[i] ?? String(each)) : each));
  };
  return Object.fromEntries(Object.entries(flags).map(([name, value]) => [name, restore(name, value)]));
}

/** `--offset-ms -5` as `--offset-ms=-5`: the parser would take `-5` for a flag. */
export function joinNegatives(argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (const word of argv) {
    const flag = joined.at(-1);
    if (/^-\d/.test(word) && flag !== undefined && /^--[^=]+$/.test(flag))
      joined[joined.length - 1] = `${flag}=${word}`;
    else joined.push(word);
  }
  return joined;
}

function bad(name: string, value: unknown, accepted: string): ChaoslabError {
  return new ChaoslabError("usage", `--${name}: ${JSON.stringify(value)} is not ${accepted}`);
}

/** Raw text of a flag, or undefined when absent. A flag given twice is an error. */
export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[camel(name)];
  if (value === undefined) return undefined;
  if (Array.isArray(value))
    throw new ChaoslabError("usage", `--${name}: given ${value.length} times, once is accepted`);
  if (typeof value === "string" || typeof value === "number") {
    if (value === "") throw bad(name, value, "a value");
    return String(value);
  }
  throw new ChaoslabError("usage", `--${name}: a value is needed`);
}

/** Texts of a flag that may be given again. */
export function listFlag(flags: Flags, name: string): string[] {
  const value = flags[camel(name)];
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((each: unknown) => {
    if ((typeof each === "string" && each !== "") || typeof each === "number") return String(each);
    throw new ChaoslabError("usage", `--${name}: a value is needed`);
  });
}

/** A flag whose value may be left out: null when it was, undefined when the flag is absent. */
export function optionalTextFlag(flags: Flags, name: string): string | null | undefined {
  return flags[camel(name)] === true ? null : textFlag(flags, name);
}

export function booleanFlag(flags: Flags, name: string): boolean {
  const value = flags[camel(name)];
  if (value === undefined || typeof value === "boolean") return value ?? false;
  throw bad(name, value, "accepted: this flag takes no value");
}

/** Describes bounds in words, e.g. `a whole number from 1 to 65535`. */
function boundsInWords({ min, max, integer }: NumberBounds): string {
  const kind = integer ? "a whole number" : "a number";
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  if (min !== undefined) return `${kind} of at least ${min}`;
  if (max !== undefined) return `${kind} of at most ${max}`;
  return kind;
}

export function parseNumber(name: string, text: string, bounds: NumberBounds = {}): number {
  const value = Number(text);
  const outside =
    (bounds.min !== undefined && value < bounds.min) || (bounds.max !== undefined && value > bounds.max);
  if (
    text.trim() === "" ||
    !Number.isFinite(value) ||
    outside ||
    (bounds.integer && !Number.isInteger(value))
  ) {
    throw bad(name, text, boundsInWords(bounds));
  }
  return value;
}

export function numberFlag(flags: Flags, name: string, fallback: number, bounds?: NumberBounds): number {
  const text = textFlag(flags, name);
  return text === undefined ? fallback : parseNumber(name, text, bounds);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Parses `250ms`, `30s`, `2m`, `1h`, or combinations (`1m30s`), to milliseconds. Null when it is none. */
export function durationMs(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
  }
  return total;
}

export function durationFlag(flags: Flags, name: string, fallbackMs: number, minMs = 0): number {
  const text = textFlag(flags, name);
  if (text === undefined) return fallbackMs;
  const value = durationMs(text);
  if (value === null || value < minMs) {
    throw bad(
      name,
      text,
      `a duration such as 250ms, 30s or 1m30s${minMs > 0 ? ` of at least ${minMs}ms` : ""}`,
    );
  }
  return value;
}

/** One of a fixed set of words. */
export function choiceFlag<T extends string>(
  flags: Flags,
  name: string,
  choices: readonly T[],
  fallback: T,
): T {
  const text = textFlag(flags, name);
  if (text === undefined) return fallback;
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw bad(name, text, `one of ${choices.join(", ")}`);
  return found;
}

/**
 * Seeded variables: each value a pure function of (seed, index), and of nothing else.
 * @module
 */
import type { Variable } from "../../model/scenario.ts";
import { randomBelow, randomUint32 } from "../random.ts";
import { boundsOf, pick } from "../weights.ts";
import { type Context, ESCAPES, escapeJson, type Part, type Slot } from "./template.ts";

/** Variables that every scenario has. */
export const BUILT_IN = ["index", "tenant"] as const;

/** Streams of variables come after those of the load itself; each draw of a variable has one of its own. */
const FIRST_STREAM = 1_024;
const DRAWS = 4_096;

/** Crockford's base 32: five bits a character. */
const LETTERS = "0123456789abcdefghjkmnpqrstvwxyz";
const LETTERS_PER_DRAW = 6;

export interface Value {
  /** As it stands in a text of this context. */
  in(context: Context): Part;
  /** As a JSON value of its own, where that is not a string. */
  bare?: Part;
}

/** The value of a variable that may be any of a few, chosen by `choose`. */
function oneOf(values: readonly string[], choose: (index: number, tenant: number) => number): Value {
  return {
    in(context) {
      const escaped = values.map(ESCAPES[context]);
      return (index, tenant) => escaped[choose(index, tenant)] ?? "";
    },
  };
}

/** @param position of the variable among the scenario's, which tells its random numbers from the others'. */
export function createVariable(spec: Variable, seed: number, position: number): Value {
  const stream = FIRST_STREAM + position * DRAWS;
  if (spec.choice) {
    const { choice, weights = choice.map(() => 1) } = spec;
    const bounds = boundsOf(weights);
    const choose = (index: number): number => pick(bounds, randomUint32(seed, index, stream));
    const words = choice.map((each) => (typeof each === "string" ? `"${escapeJson(each)}"` : String(each)));
    return { ...oneOf(choice.map(String), choose), bare: (index) => words[choose(index)] ?? "" };
  }
  if (spec.int) {
    const { min, max, digits = 0 } = spec.int;
    const of = (index: number): string => String(min + randomBelow(max - min + 1, seed, index, stream));
    return digits > 0 ? plain((index) => of(index).padStart(digits, "0")) : { ...plain(of), bare: of };
  }
  if (spec.uuid) return plain((index) => uuid(seed, index, stream));
  return plain(letters(spec.string?.length ?? 1, seed, stream));
}

/** A value without a character that any context would escape. */
const plain = (slot: Slot): Value => ({ in: () => slot });

export function builtIn(tenants: readonly string[]): Map<string, Value> {
  const index: Slot = (at) => String(at);
  return new Map([
    ["tenant", oneOf(tenants, (_, tenant) => tenant)],
    ["index", { ...plain(index), bare: index }],
  ]);
}

const hex = (value: number): string => value.toString(16).padStart(8, "0");

/** RFC 9562, section 5.4: all random but the version and the variant. */
function uuid(seed: number, index: number, stream: number): string {
  const b = hex(randomUint32(seed, index, stream + 1));
  const c = hex(((randomUint32(seed, index, stream + 2) & 0x3fff_ffff) | 0x8000_0000) >>> 0);
  const [a, d] = [hex(randomUint32(seed, index, stream)), hex(randomUint32(seed, index, stream + 3))];
  return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${c.slice(0, 4)}-${c.slice(4)}${d}`;
}

function letters(length: number, seed: number, stream: number): Slot {
  return (index) => {
    let text = "";
    let bits = 0;
    for (let i = 0; i < length; i++) {
      if (i % LETTERS_PER_DRAW === 0) bits = randomUint32(seed, index, stream + i / LETTERS_PER_DRAW);
      text += LETTERS[bits & 31];
      bits >>>= 5;
    }
    return text;
  };
}

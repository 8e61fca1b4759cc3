/**
 * The Prometheus text format, version 0.0.4:
 * https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";

export interface Sample {
  name: string;
  /** Without a prototype: any label name may be looked up. */
  labels: Record<string, string>;
  /** May be NaN or infinite. */
  value: number;
}

// Blanks are spaces and tabs; a carriage return comes from texts that crossed a Windows editor.
const LINE =
  /^[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)(?:[ \t]*\{(.*)\}[ \t]*|[ \t]+)([^ \t\r]+)(?:[ \t]+-?\d+)?[ \t\r]*$/s;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*(?:,|$)/sy;

/**
 * Samples in order of appearance; comments, types and timestamps are passed over.
 * @throws ChaoslabError `labFailed` when a line is malformed: as Prometheus does, all of the text counts as none then.
 */
export function parseExposition(text: string): Sample[] {
  const samples: Sample[] = [];
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (isSilent(line)) continue;
    const sample = parseLine(line);
    if (typeof sample === "string") {
      const shown = JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
      throw new ChaoslabError("labFailed", `metrics: line ${number}: ${sample}: ${shown}`);
    }
    samples.push(sample);
  }
  return samples;
}

const isSilent = (line: string): boolean => line === "" || line.startsWith("#") || /^\s*(?:#.*)?$/.test(line);

/** A string says what is wrong. */
function parseLine(line: string): Sample | string {
  const [, name, inBraces, digits] = LINE.exec(line) ?? [];
  if (name === undefined || digits === undefined) return "not a sample";
  const labels = inBraces === undefined ? empty() : parseLabels(inBraces);
  if (!labels) return "its labels are malformed";
  const value = parseValue(digits);
  return value === null ? `${digits} is not a number` : { name, labels, value };
}

const empty = (): Record<string, string> => Object.create(null);

function parseLabels(text: string): Record<string, string> | null {
  const labels = empty();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const from = LABEL.lastIndex;
    const [, name, quoted] = LABEL.exec(text) ?? [];
    // Blanks may follow the last comma.
    if (name === undefined || quoted === undefined) return text.slice(from).trim() === "" ? labels : null;
    labels[name] = quoted.includes("\\") ? unescaped(quoted) : quoted;
  }
  return labels;
}

const unescaped = (quoted: string): string =>
  quoted.replace(/\\(n|"|\\)/g, (_, character: string) => (character === "n" ? "\n" : character));

/** As Go writes a float, which is how Prometheus and its API write a value; null when it is none. */
export function parseValue(text: string): number | null {
  if (/^[+-]?\d/.test(text) || /^[+-]?\.\d/.test(text)) {
    const value = Number(text);
    return Number.isNaN(value) ? null : value;
  }
  const [, sign, word] = /^([+-]?)(inf|infinity|nan)$/i.exec(text) ?? [];
  if (word === undefined) return null;
  if (word.toLowerCase() === "nan") return sign === "" ? Number.NaN : null;
  return sign === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

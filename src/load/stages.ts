/**
 * The offered load as people write it: `1000`, `100..2000`, `500 for 30s, 500..2000 for 1m`.
 * @module
 */
import { durationMs } from "../cli/flags.ts";
import type { Stage } from "../model/load.ts";

const NUMBER = String.raw`\d+(?:\.\d+)?`;
const RATE = new RegExp(`^\\s*(${NUMBER})(?:\\s*\\.\\.\\s*(${NUMBER}))?\\s*$`);

/** One stage of `durationS` seconds; null when the text is not a rate or a range of rates, or asks for nothing. */
export function parseRate(text: string, durationS: number): Stage | null {
  const match = RATE.exec(text);
  if (!match) return null;
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  return { duration_s: durationS, from, to };
}

/** Whether a text is a rate that can be offered: not none, and at most a million requests per second. */
export function isRate(text: string): boolean {
  const stage = parseRate(text, 1);
  return stage !== null && stage.from + stage.to >= 0.001 && Math.max(stage.from, stage.to) <= 1_000_000;
}

/** `<rate> for <duration>`, separated by commas. A stage may be silent, the whole may not. Null when it is not that. */
export function parseStages(text: string): Stage[] | null {
  const stages: Stage[] = [];
  for (const part of text.split(",")) {
    const [rate = "", duration = "", ...more] = part.split(/\sfor\s/);
    const ms = durationMs(duration.trim());
    const stage = ms === null || ms <= 0 || more.length > 0 ? null : parseRate(rate, ms / 1_000);
    if (stage === null) return null;
    stages.push(stage);
  }
  return stages.some(({ from, to }) => from + to > 0) ? stages : null;
}

/** As {@link parseStages} reads it. */
export const showStages = (stages: readonly Stage[]): string =>
  stages
    .map(({ duration_s, from, to }) => `${from === to ? from : `${from}..${to}`} for ${duration_s}s`)
    .join(", ");

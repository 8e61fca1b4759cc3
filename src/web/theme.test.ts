import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";

const css = readFileSync(new URL("theme.css", import.meta.url), "utf8");
const [light = "", dark = ""] = css.split("prefers-color-scheme: dark");

function colourIn(scheme: string, name: string): string {
  return new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(scheme)?.[1] ?? "";
}

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const TEXTS = ["text", "quiet", "accent", "good", "warn", "bad", "fault-text"];
const SHAPES = ["edge", "fault", "series-1", "series-2", "series-3", "series-4"];

test.each([
  ["light", light],
  ["dark", dark],
])("in the %s scheme texts have a contrast of 4.5 to 1, and what is drawn one of 3 to 1", (_, scheme) => {
  for (const ground of ["ground", "raised"]) {
    const behind = colourIn(scheme, ground);
    for (const name of TEXTS) expect(contrast(colourIn(scheme, name), behind)).toBeGreaterThanOrEqual(4.5);
    for (const name of SHAPES) expect(contrast(colourIn(scheme, name), behind)).toBeGreaterThanOrEqual(3);
  }
  expect(contrast(colourIn(scheme, "on-accent"), colourIn(scheme, "accent"))).toBeGreaterThanOrEqual(4.5);
});

import { expect, test } from "bun:test";
import { erased, fit, fitBlock, redrawn } from "./block.ts";

test.each([
  ["short", 5, "short"],
  ["too long", 5, "too …"],
  ["日本語", 6, "日本語"],
  // A wide character is not cut in two.
  ["日本語", 4, "日…"],
  ["a\tb\nc", 9, "a b c"],
  ["x", 0, ""],
])("%j in %d columns", (text, width, expected) => {
  expect(fit(text, width)).toBe(expected);
  expect(Bun.stringWidth(fit(text, width))).toBeLessThanOrEqual(width);
});

test("a block leaves the last column and row free, so that nothing wraps or scrolls", () => {
  const lines = Array.from({ length: 9 }, () => ({ text: "0123456789" }));
  const cut = fitBlock(lines, { columns: 6, rows: 4 });
  expect(cut.map(({ text }) => text)).toEqual(["0123…", "0123…", "0123…"]);
});

const plain = (_: string, text: string): string => text;

test("lines are drawn over those before, whatever rows these take by now", () => {
  expect(redrawn([{ text: "a" }, { text: "b" }], [], 80, plain)).toBe("\ra\x1b[K\r\nb\x1b[K\x1b[J");
  expect(redrawn([{ text: "a" }], [50, 0, 20], 80, plain)).toStartWith("\r\x1b[2Aa");
  // Narrower since: the first line was broken in two.
  expect(redrawn([{ text: "a" }], [50, 0, 20], 40, plain)).toStartWith("\r\x1b[3Aa");
});

test("colour is around the text, not counted in it", () => {
  const paint = (style: string, text: string): string => `<${style}>${text}</>`;
  expect(redrawn([{ text: "a", style: "red" }], [], 80, paint)).toBe("\r<red>a</>\x1b[K\x1b[J");
});

test("erased lines leave the cursor where the first one began", () => {
  expect(erased([], 80)).toBe("");
  expect(erased([10], 80)).toBe("\r\x1b[K");
  expect(erased([10, 10], 80)).toBe("\r\x1b[1A\x1b[K\r\n\x1b[J\x1b[A");
});

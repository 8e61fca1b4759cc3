import { expect, test } from "bun:test";
import { colourWanted, painter, table } from "./terminal.ts";

test("colour only on a terminal, and never against NO_COLOR or on a dumb one", () => {
  expect(colourWanted({ isTTY: true }, {})).toBeTrue();
  expect(colourWanted({ isTTY: true }, { NO_COLOR: "1" })).toBeFalse();
  expect(colourWanted({ isTTY: true }, { TERM: "dumb" })).toBeFalse();
  expect(colourWanted({}, {})).toBeFalse();
  expect(painter({})("red", "x")).toBe("x");
});

test("columns are as wide as their widest cell", () => {
  expect(
    table(
      [
        ["a", "n"],
        ["long", "10"],
        ["b", "7"],
      ],
      ["left", "right"],
    ),
  ).toBe("a      n\nlong  10\nb      7");
});

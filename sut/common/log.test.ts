import { expect, test } from "bun:test";
import { Log } from "./log.ts";

test("a flood of one event is one line per second that says how many were left out", () => {
  const lines: string[] = [];
  let now = 0;
  const log = new Log(
    "orders-1",
    (line) => lines.push(line),
    () => now,
  );
  for (; now < 2_500; now += 100) log.repeating("warn", "request failed", { status: 502 });
  expect(lines.map((line) => JSON.parse(line).suppressed ?? 0)).toEqual([0, 9, 9]);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "warn",
    node: "orders-1",
    event: "request failed",
    status: 502,
  });
});

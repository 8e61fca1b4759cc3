import { expect, test } from "bun:test";
import { freeQueue, parseQueueTable } from "./queue-table.ts";

test("reads the kernel's table", () => {
  const text =
    "    9   4242     3 1     0     2     1      117  1\n19456  -8123     0 1     0     0     0       5  1\n";
  expect(parseQueueTable(text)).toEqual([
    { queue: 9, waiting: 3, dropped: 3 },
    { queue: 19_456, waiting: 0, dropped: 0 },
  ]);
  expect(parseQueueTable("")).toEqual([]);
});

test("picks the lowest free queue of our range", () => {
  expect(freeQueue(new Set())).toBe(19_456);
  expect(freeQueue(new Set([0, 19_456, 19_457, 19_459]))).toBe(19_458);
  expect(freeQueue(new Set(Array.from({ length: 1_024 }, (_, i) => 19_456 + i)))).toBeNull();
});

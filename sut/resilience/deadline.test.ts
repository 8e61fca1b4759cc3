import { expect, test } from "bun:test";
import { Deadline } from "./deadline.ts";

test.each([
  ["250", 250],
  ["0", 0],
  ["5000", 900],
  [null, 900],
  ["", 900],
  ["soon", 900],
  ["-1", 900],
  ["NaN", 900],
])("a caller that says %p has %i of 900 ms", (header, expected) => {
  expect(Deadline.within(header, 900).remainingMs).toBeWithin(Math.max(0, expected - 50), expected + 1);
});

test("the signal comes when the time is over, and what remains is never negative", async () => {
  const deadline = new Deadline(30);
  const { signal } = deadline;
  expect(signal.aborted).toBeFalse();
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  expect(deadline.remainingMs).toBeLessThan(1);
  await Bun.sleep(5);
  expect(deadline.remainingMs).toBe(0);
});

import { expect, test } from "bun:test";
import { BACKOFF_FIRST_MS, BACKOFF_LAST_MS, backoffMs } from "./supervisor.ts";

test("restarts back off exponentially up to a bound", () => {
  const waits = [1, 2, 3, 4, 5, 6, 20].map(backoffMs);
  expect(waits[0]).toBe(BACKOFF_FIRST_MS);
  expect(waits[1]).toBe(2 * BACKOFF_FIRST_MS);
  expect(waits.at(-1)).toBe(BACKOFF_LAST_MS);
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
});

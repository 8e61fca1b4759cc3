import { describe, expect, test } from "bun:test";
import { bytesToLeave, diskEvidence } from "./disk.ts";
import { outcomeOf } from "./node/allocate.ts";

const before = { total: 1_000, available: 600 };

test.each([
  [{ fill_percent: 100 }, 0],
  [{ fill_percent: 90 }, 100],
  [{ leave_bytes: 0 }, 0],
  [{ leave_bytes: 123 }, 123],
])("%p leaves %p of 1000 bytes", (params, bytes) => {
  expect(bytesToLeave(params, before)).toBe(bytes);
});

/** What fallocate(1) of util-linux 2.38 says. */
test.each([
  [0, "", "done"],
  [1, "fallocate: fallocate failed: No space left on device", "full"],
  [1, "fallocate: fallocate failed: Disk quota exceeded", "full"],
  [1, "fallocate: fallocate failed: Operation not supported", "unsupported"],
  [1, "fallocate: cannot open /x: Permission denied", "failed"],
] as const)("exit code %p and %p", (code, stderr, outcome) => {
  expect(outcomeOf(code, stderr)).toBe(outcome);
});

describe("evidence", () => {
  test("free bytes before and now", () => {
    expect(diskEvidence(600, before, { total: 1_000, available: 0 })).toEqual({
      landed: true,
      detail: "600 bytes allocated: 0 of 1000 bytes are free (before: 600)",
      measures: { fill_bytes: 600, free_bytes_before: 600, free_bytes: 0, used_percent: 100 },
    });
  });

  test("nothing without the file, or when the space came from elsewhere", () => {
    expect(diskEvidence(null, before, null).landed).toBe(false);
    expect(diskEvidence(10, before, { total: 1_000, available: 700 }).landed).toBe(false);
  });
});

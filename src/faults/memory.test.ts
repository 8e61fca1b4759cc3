import { describe, expect, test } from "bun:test";
import {
  isOwnLimit,
  largest,
  limitBytes,
  memoryCounters,
  memoryEvidence,
  memorySettings,
  parseLimitMib,
} from "./memory.ts";

const MIB = 2 ** 20;
const read =
  (files: Record<string, string>) =>
  (file: string): string =>
    files[file] ?? "";

describe("settings", () => {
  const bytes = limitBytes(64, "f-1");

  test("v1: the limit, then that of memory and swap, which is never the lower one", () => {
    expect(memorySettings(1, 64, "f-1")).toEqual([
      { file: "memory.limit_in_bytes", value: `${bytes}` },
      { file: "memory.memsw.limit_in_bytes", value: `${bytes + MIB}`, optional: true },
    ]);
  });

  test("v2: the limit, and no swap", () => {
    expect(memorySettings(2, 64, "f-1")).toEqual([
      { file: "memory.max", value: `${bytes}` },
      { file: "memory.swap.max", value: "0", optional: true },
    ]);
  });

  test("limits are whole pages, ours, and within 60 KiB of what was asked", () => {
    for (let i = 0; i < 50; i++) {
      const limit = limitBytes(32, `f-${i}`);
      expect(limit % 4_096).toBe(0);
      expect(limit - 32 * MIB).toBeWithin(4_096, 61_441);
      expect(isOwnLimit(limit)).toBe(true);
    }
    for (const foreign of [Infinity, 64 * MIB, 999_997_440, 512 * MIB + 100]) {
      expect(isOwnLimit(foreign)).toBe(false);
    }
  });
});

test.each([
  [1, { "memory.limit_in_bytes": "9223372036854771712" }, Infinity],
  [1, { "memory.limit_in_bytes": "67108864" }, 64],
  [2, { "memory.max": "max" }, Infinity],
  [2, { "memory.max": "67108864" }, 64],
] as const)("the limit in force on v%p: %p", (version, files, mib) => {
  expect(parseLimitMib(version, read(files))).toBe(mib);
});

test.each([
  [
    1,
    {
      "memory.failcnt": "61",
      "memory.usage_in_bytes": "33554432",
      "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2",
    },
  ],
  [
    2,
    {
      "memory.current": "33554432",
      "memory.events": "low 0\nhigh 0\nmax 61\noom 3\noom_kill 2\noom_group_kill 0",
    },
  ],
] as const)("what v%p counts", (version, files) => {
  expect(memoryCounters(version, read(files))).toEqual({ hits: 61, oom_kills: 2, usage_mib: 32 });
});

describe("evidence", () => {
  const before = { hits: 10, oom_kills: 1, usage_mib: 20 };
  const now = { hits: 14, oom_kills: 2, usage_mib: 31 };

  test("counts from the injection on, with those killed to make room", () => {
    expect(memoryEvidence(32, before, now, { killed_to_fit: 1 })).toEqual({
      landed: true,
      detail: "limited to 32.0 MiB, 31.0 MiB in use: reached 4 times, 2 killed for it",
      measures: { limit_mib: 32, usage_mib: 31, limit_hits: 4, oom_kills: 2 },
    });
  });

  test("a limit that was never reached, or is gone, is none", () => {
    expect(memoryEvidence(32, before, before, {}).landed).toBe(false);
    expect(memoryEvidence(null, before, now, {})).toMatchObject({
      landed: false,
      detail: "the memory limit is no longer in force",
    });
  });
});

test("the victim is the one with the most memory", () => {
  const one = (pid: number, residentKib: number) => ({
    pid,
    starttime: 1,
    state: "S",
    parent: 1,
    residentKib,
  });
  expect(largest([one(1, 10), one(2, 30), one(3, 20)])?.pid).toBe(2);
  expect(largest([])).toBeNull();
});

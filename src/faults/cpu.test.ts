import { describe, expect, test } from "bun:test";
import { cpuCounters, cpuEvidence, cpuSettings, isOwnPeriod, parseQuota, periodUs } from "./cpu.ts";

const read =
  (files: Record<string, string>) =>
  (file: string): string =>
    files[file] ?? "";

describe("settings", () => {
  test.each([0.01, 0.25, 1, 2.5])("%p cores are that share of the period, on v1 and on v2", (cores) => {
    const period = periodUs("f-1");
    const [first, second] = cpuSettings(1, cores, "f-1");
    expect(first).toEqual({ file: "cpu.cfs_period_us", value: `${period}` });
    expect(Number(second?.value) / period).toBeCloseTo(cores, 4);
    expect(cpuSettings(2, cores, "f-1")).toEqual([
      { file: "cpu.max", value: `${Number(second?.value)} ${period}` },
    ]);
  });

  test("the least quota is the kernel's 1 ms or more", () => {
    for (let i = 0; i < 100; i++) {
      expect(Number(cpuSettings(1, 0.01, `f-${i}`)[1]?.value)).toBeGreaterThanOrEqual(1_000);
    }
  });

  test("periods are ours, differ between faults, and are within 1 % of the kernel's", () => {
    const periods = new Set(Array.from({ length: 100 }, (_, i) => periodUs(`f-${i}`)));
    expect(periods.size).toBeGreaterThan(85);
    for (const period of periods) {
      expect(isOwnPeriod(period)).toBe(true);
      expect(period).toBeWithin(100_000, 101_000);
    }
    for (const foreign of [1_000, 50_000, 100_000, 1_000_000, Number.NaN]) {
      expect(isOwnPeriod(foreign)).toBe(false);
    }
  });
});

describe("what is in force", () => {
  test.each([
    [1, { "cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000" }, Infinity, 100_000],
    [1, { "cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000" }, 0.5, 100_000],
    [2, { "cpu.max": "max 100000" }, Infinity, 100_000],
    [2, { "cpu.max": "150000 100500" }, 150_000 / 100_500, 100_500],
  ] as const)("v%p: %p", (version, files, cores, period) => {
    expect(parseQuota(version, read(files))).toEqual({ cores, periodUs: period });
  });

  test.each([
    [1, "nr_periods 40\nnr_throttled 30\nthrottled_time 2400000000\nnr_bursts 0\nburst_time 0"],
    [2, "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 40\nnr_throttled 30\nthrottled_usec 2400000"],
  ] as const)("cpu.stat of v%p", (version, stat) => {
    expect(cpuCounters(version, stat)).toEqual({ periods: 40, throttled_periods: 30, throttled_ms: 2_400 });
  });
});

describe("evidence", () => {
  const before = { periods: 10, throttled_periods: 10, throttled_ms: 100 };

  test("counts from the injection on", () => {
    const now = { periods: 40, throttled_periods: 30, throttled_ms: 2_500 };
    expect(cpuEvidence(0.25, before, now)).toEqual({
      landed: true,
      detail: "limited to 0.25 cores: throttled in 20 of 30 periods, 2400 ms in all",
      measures: { limit_cores: 0.25, periods: 30, throttled_periods: 20, throttled_ms: 2_400 },
    });
  });

  test("a limit that was never reached, or is gone, is none", () => {
    expect(cpuEvidence(4, before, before)).toMatchObject({ landed: false, measures: { limit_cores: 4 } });
    expect(cpuEvidence(null, before, { ...before, throttled_periods: 99 }).landed).toBe(false);
  });
});

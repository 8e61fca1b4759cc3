import { describe, expect, test } from "bun:test";
import { LocalCache } from "./local-cache.ts";

const TTL_MS = 5_000;

/** A cache whose clocks are set by hand. */
function cacheWith(steady: boolean) {
  const clock = { wall: 1_700_000_000_000, monotonic: 1_000, stale: 0 };
  const cache = new LocalCache<string>(
    TTL_MS,
    () => steady,
    () => clock.stale++,
    () => clock.wall,
    () => clock.monotonic,
  );
  cache.set("p-1", "old price");
  const pass = (ms: number) => {
    clock.wall += ms;
    clock.monotonic += ms;
  };
  return { cache, clock, pass };
}

describe("LocalCache", () => {
  test.each([true, false])("an entry is served for its time and no longer (steady: %p)", (steady) => {
    const { cache, clock, pass } = cacheWith(steady);
    pass(TTL_MS - 1);
    expect(cache.get("p-1")).toBe("old price");
    pass(1);
    expect(cache.get("p-1")).toBeUndefined();
    expect(clock.stale).toBe(0);
  });

  test("by the wall clock, one set back keeps an entry alive beyond its time, which is counted", () => {
    const { cache, clock, pass } = cacheWith(false);
    clock.wall -= 300_000;
    pass(2 * TTL_MS);
    expect(cache.get("p-1")).toBe("old price");
    expect(clock.stale).toBe(1);
  });

  test.each([-300_000, 300_000])(
    "by the monotonic clock, a wall clock set by %i ms changes nothing",
    (stepMs) => {
      const { cache, clock, pass } = cacheWith(true);
      clock.wall += stepMs;
      pass(TTL_MS - 1);
      expect(cache.get("p-1")).toBe("old price");
      pass(1);
      expect(cache.get("p-1")).toBeUndefined();
    },
  );

  test("the oldest entries make room", () => {
    const { cache } = cacheWith(true);
    for (let i = 0; i < 10_000; i++) cache.set(`k-${i}`, "value");
    expect(cache.get("p-1")).toBeUndefined();
    expect(cache.get("k-0")).toBe("value");
  });
});

import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { Breaker, BrokenError } from "./breaker.ts";

const OPEN_MS = 2_000;

/** A breaker with a clock to set, and calls that end as they are told to. */
function breakerAt(startMs: number) {
  let now = startMs;
  const levels: number[] = [];
  const breaker = new Breaker(
    (error) => error instanceof TypeError,
    (level) => levels.push(level),
    () => now,
  );
  const call = async (ok: boolean) => {
    try {
      await breaker.run(() => (ok ? Promise.resolve() : Promise.reject(new TypeError("down"))));
      return "answered";
    } catch (error) {
      return error instanceof BrokenError ? "refused" : "failed";
    }
  };
  return {
    breaker,
    levels,
    call,
    async calls(count: number, ok: boolean) {
      for (let i = 0; i < count; i++) await call(ok);
    },
    pass(ms: number) {
      now += ms;
    },
  };
}

describe("the breaker", () => {
  afterEach(() => void setSystemTime());

  test("opens when more than half of at least ten calls failed, and refuses from then on", async () => {
    const { breaker, calls, call } = breakerAt(50_000);
    await calls(9, false);
    expect(breaker.level).toBe(0);
    await calls(1, false);
    expect(breaker.level).toBe(2);
    expect(await call(true)).toBe("refused");
  });

  test("opens after ten failures in a row, although far more had succeeded just before", async () => {
    const { breaker, calls } = breakerAt(0);
    await calls(500, true);
    await calls(9, false);
    expect(breaker.level).toBe(0);
    await calls(1, false);
    expect(breaker.level).toBe(2);
  });

  test("stays closed while half of the calls succeed", async () => {
    const { breaker, calls } = breakerAt(0);
    for (let i = 0; i < 50; i++) {
      await calls(1, true);
      await calls(1, false);
    }
    expect(breaker.level).toBe(0);
  });

  test("forgets what is older than five seconds", async () => {
    const { breaker, calls, pass } = breakerAt(0);
    await calls(9, false);
    pass(5_000);
    await calls(1, true);
    await calls(5, false);
    expect(breaker.level).toBe(0);
  });

  test("after two seconds one call decides: closed by a success, open again by a failure", async () => {
    const { breaker, levels, calls, call, pass } = breakerAt(0);
    await calls(10, false);
    pass(OPEN_MS - 1);
    expect(await call(true)).toBe("refused");
    pass(1);
    expect(await call(false)).toBe("failed");
    expect(await call(true)).toBe("refused");
    pass(OPEN_MS);
    expect(breaker.refuses).toBeFalse();
    expect(await call(true)).toBe("answered");
    expect(levels).toEqual([2, 1, 2, 1, 0]);
    expect(breaker.level).toBe(0);
  });

  test("while one call tries, others are refused at once", async () => {
    const { breaker, calls, call, pass } = breakerAt(0);
    await calls(10, false);
    pass(OPEN_MS);
    const gate = Promise.withResolvers<void>();
    const trying = breaker.run(() => gate.promise);
    expect(await call(true)).toBe("refused");
    gate.resolve();
    await trying;
    expect(await call(true)).toBe("answered");
  });

  test.each([-300_000, 300_000])(
    "a wall clock set by %i ms neither holds it open nor closes it",
    async (stepMs) => {
      const { calls, call, pass } = breakerAt(0);
      await calls(10, false);
      setSystemTime(new Date(Date.now() + stepMs));
      expect(await call(true)).toBe("refused");
      pass(OPEN_MS);
      expect(await call(true)).toBe("answered");
    },
  );
});

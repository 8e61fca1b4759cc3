import { describe, expect, test } from "bun:test";
import { GradientLimit } from "./gradient.ts";

const limitAt = (initial: number) => new GradientLimit({ initial, min: 20, max: 400 });

/** Windows of one latency while as much is in flight as is allowed. */
function windows(limit: GradientLimit, count: number, latencyMs: number, dropped = false): void {
  for (let i = 0; i < count; i++) limit.update(latencyMs, limit.limit, dropped);
}

describe("the gradient limit", () => {
  test("grows while latency stays as it is, up to its bound", () => {
    const limit = limitAt(50);
    windows(limit, 20, 10);
    // 0.2 * 4 a window.
    expect(limit.limit).toBe(66);
    windows(limit, 1_000, 10);
    expect(limit.limit).toBe(400);
  });

  test("falls by a tenth a window when latency has doubled and more, down to its bound", () => {
    const limit = limitAt(200);
    windows(limit, 10, 10);
    const before = limit.limit;
    limit.update(100, before, false);
    // 0.8 * limit + 0.2 * (limit / 2 + 4)
    expect(limit.limit).toBeWithin(Math.floor(before * 0.9), Math.ceil(before * 0.9) + 2);
    windows(limit, 60, 200);
    expect(limit.limit).toBeLessThan(before / 4);
  });

  test("a rise of less than half is taken for noise", () => {
    const limit = limitAt(100);
    windows(limit, 10, 10);
    const before = limit.limit;
    windows(limit, 5, 14);
    expect(limit.limit).toBeGreaterThan(before);
  });

  test("learns nothing while it is not half used", () => {
    const limit = limitAt(100);
    for (let i = 0; i < 50; i++) limit.update(i < 10 ? 10 : 500, 40, false);
    expect(limit.limit).toBe(100);
  });

  test("comes back after an overload", () => {
    const limit = limitAt(200);
    windows(limit, 10, 10);
    windows(limit, 20, 100);
    const low = limit.limit;
    windows(limit, 200, 10);
    expect(limit.limit).toBeGreaterThan(2 * low);
  });

  test("what an overload took away comes back in quiet times too, up to where it began and no further", () => {
    const limit = limitAt(200);
    windows(limit, 10, 10);
    windows(limit, 40, 200);
    expect(limit.limit).toBeLessThan(100);
    for (let i = 0; i < 50; i++) limit.update(10, 5, false);
    expect(limit.limit).toBe(200);
    limit.update(10, 5, false);
    expect(limit.limit).toBe(200);
  });

  test("falls when requests were dropped, whatever their latency", () => {
    const limit = limitAt(100);
    windows(limit, 10, 10);
    const before = limit.limit;
    windows(limit, 5, 10, true);
    expect(limit.limit).toBeLessThan(before);
  });
});

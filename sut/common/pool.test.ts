import { describe, expect, test } from "bun:test";
import { Pool } from "./pool.ts";

describe("Pool", () => {
  test("runs at most `size` at once; the rest wait and are counted", async () => {
    const pool = new Pool("orders", 3);
    const gate = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    const all = Array.from({ length: 10 }, () =>
      pool.run(async () => {
        most = Math.max(most, ++running);
        await gate.promise;
        running--;
      }),
    );
    await Promise.resolve();
    expect({ inUse: pool.inUse, waiting: pool.waiting }).toEqual({ inUse: 3, waiting: 7 });
    gate.resolve();
    await Promise.all(all);
    expect(most).toBe(3);
    expect({ inUse: pool.inUse, waiting: pool.waiting }).toEqual({ inUse: 0, waiting: 0 });
  });

  test("waiters run in order of arrival, and a newcomer cannot overtake", async () => {
    const pool = new Pool("orders", 1);
    const order: number[] = [];
    const enter = (n: number) => pool.run(() => void order.push(n));
    const first = pool.run(async () => {
      await Bun.sleep(0);
      order.push(0);
    });
    const second = enter(1);
    const third = first.then(() => enter(2));
    await Promise.all([first, second, third, enter(3)]);
    expect(order).toEqual([0, 1, 3, 2]);
  });

  test("failed work gives its slot back and its error to the caller", async () => {
    const pool = new Pool("orders", 1);
    const thrown = () => {
      throw new Error("never");
    };
    await expect(pool.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(pool.run(thrown)).rejects.toThrow("never");
    expect(await pool.run(() => "next")).toBe("next");
    expect(pool.inUse).toBe(0);
  });

  test("a wait that is given up ends at once, and its place in the line is gone", async () => {
    const pool = new Pool("orders", 1);
    const gate = Promise.withResolvers<void>();
    const first = pool.run(() => gate.promise);
    const leaving = new AbortController();
    const second = pool.run(() => "second", leaving.signal);
    const third = pool.run(() => "third", new AbortController().signal);
    leaving.abort();
    await expect(second).rejects.toMatchObject({ name: "NoSlotError", reason: "timeout" });
    expect(pool.waiting).toBe(1);
    gate.resolve();
    await first;
    expect(await third).toBe("third");
    expect(pool.inUse).toBe(0);
    // With a slot free there is nothing to wait for, whatever the signal says.
    expect(await pool.run(() => "now", AbortSignal.abort())).toBe("now");
  });

  test("those beyond the longest line are refused at once", async () => {
    const pool = new Pool("orders", 1, 1);
    const gate = Promise.withResolvers<void>();
    const all = [pool.run(() => gate.promise), pool.run(() => "waited")];
    await expect(pool.run(() => "no")).rejects.toMatchObject({ reason: "full" });
    gate.resolve();
    await Promise.all(all);
    expect(await pool.run(() => "room again")).toBe("room again");
  });

  test.each([0, -1, 1.5, Number.NaN])("size %p is refused", (size) => {
    expect(() => new Pool("orders", size)).toThrow(RangeError);
  });
});

import { expect, test } from "bun:test";
import { Viewers } from "./viewers.ts";

const decoder = new TextDecoder();

test("everybody gets the first event of its own, then the same ones, until it leaves", async () => {
  const viewers = new Viewers();
  expect(viewers.any).toBe(false);
  const readers = ["a", "b"].map((first) => viewers.open(first).body?.getReader());
  const next = async (i: number) => decoder.decode((await readers[i]?.read())?.value);
  viewers.send("x");
  expect([await next(0), await next(1), await next(0), await next(1)]).toEqual(["a", "b", "x", "x"]);
  for (const reader of readers) await reader?.cancel();
  expect(viewers.any).toBe(false);
});

test("one that does not read is let go, and keeps nobody else from being told", async () => {
  const viewers = new Viewers();
  const slow = viewers.open("first");
  for (let i = 0; i < 5; i++) viewers.send("x".repeat(400_000));
  expect(viewers.any).toBe(false);
  await expect(slow.text()).rejects.toThrow("not read in time");
});

test("there is an end to how many may watch", () => {
  const viewers = new Viewers();
  for (let i = 0; i < 32; i++) viewers.open("");
  expect(() => viewers.open("")).toThrow("32 pages watch already");
});

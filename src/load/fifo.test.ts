import { expect, test } from "bun:test";
import { Fifo } from "./fifo.ts";

test("keeps the order while it grows, wraps and drains", () => {
  const fifo = new Fifo<number>();
  let pushed = 0;
  let shifted = 0;
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 37; i++) fifo.push(pushed++);
    for (let i = 0; i < 31; i++) {
      expect(fifo.peek()).toBe(shifted);
      expect(fifo.shift()).toBe(shifted++);
    }
    expect(fifo.length).toBe(pushed - shifted);
  }
  while (fifo.length > 0) expect(fifo.shift()).toBe(shifted++);
  expect([fifo.shift(), fifo.peek(), fifo.length]).toEqual([undefined, undefined, 0]);
});

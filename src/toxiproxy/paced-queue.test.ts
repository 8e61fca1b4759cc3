import { expect, test } from "bun:test";
import { waitFor } from "../lab/wait.ts";
import { DelayLine } from "./delay-line.ts";
import { PacedQueue } from "./paced-queue.ts";

/** Takes down what comes out, and when. */
class Recorder {
  readonly pieces: number[] = [];
  readonly times: number[] = [];
  ended = false;

  write(bytes: Uint8Array): void {
    this.pieces.push(bytes.length);
    this.times.push(performance.now());
  }

  end(): void {
    this.ended = true;
  }

  untilEnded(): Promise<unknown> {
    return waitFor(() => this.ended, { what: "the end", timeoutMs: 2_000, intervalMs: 1 });
  }
}

test("a paced queue cuts by its rule, keeps the pace on average, and ends after the last piece", async () => {
  const out = new Recorder();
  const queue = new PacedQueue(out, () => ({ bytes: 10, beforeMs: 2, afterMs: 0.5 }));
  const started = performance.now();
  queue.write(new Uint8Array(95));
  queue.write(new Uint8Array(5));
  queue.end();
  expect(queue.held).toBeGreaterThanOrEqual(100);
  await out.untilEnded();
  expect(out.pieces).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 10, 5, 5]);
  // 11 pieces of 2.5 ms each; the end comes after the wait that follows the last.
  expect(performance.now() - started).toBeGreaterThan(27);
  expect(performance.now() - started).toBeLessThan(60);
  expect(queue.held).toBe(0);
});

test("an idle time of a paced queue is no credit", async () => {
  const out = new Recorder();
  const queue = new PacedQueue(out, () => ({ bytes: 10, beforeMs: 10, afterMs: 0 }));
  await Bun.sleep(60);
  const started = performance.now();
  queue.write(new Uint8Array(30));
  queue.end();
  await out.untilEnded();
  expect(performance.now() - started).toBeGreaterThan(29);
});

test("a paced queue that waits forever lets go when its rule changes", () => {
  const out = new Recorder();
  const queue = new PacedQueue(out, () => ({ bytes: 1, beforeMs: Number.POSITIVE_INFINITY, afterMs: 0 }));
  queue.write(new Uint8Array(50));
  queue.end();
  expect(out.pieces).toEqual([]);
  queue.change((available) => ({ bytes: available, beforeMs: 0, afterMs: 0 }));
  expect(out.pieces).toEqual([50]);
  expect(out.ended).toBeTrue();
});

test("a delay line lets no piece overtake, the end included", async () => {
  const delays = [30, 5, 20];
  const out = new Recorder();
  const line = new DelayLine(out, (isEnd) => (isEnd ? 0 : (delays.shift() ?? 0)));
  for (const size of [1, 2, 3]) line.write(new Uint8Array(size));
  line.end();
  expect(line.held).toBeGreaterThan(6);
  const started = performance.now();
  await out.untilEnded();
  expect(out.pieces).toEqual([1, 2, 3]);
  expect((out.times[0] ?? 0) - started).toBeGreaterThan(28);
  expect(line.held).toBe(0);
});

test("a new rule counts from when a piece arrived", async () => {
  const out = new Recorder();
  const line = new DelayLine(out, () => 10_000);
  line.write(new Uint8Array(1));
  await Bun.sleep(40);
  const changed = performance.now();
  line.change(() => 50);
  line.end();
  await out.untilEnded();
  expect((out.times[0] ?? 0) - changed).toBeLessThan(30);
});

test("what is disposed says nothing more", async () => {
  const out = new Recorder();
  const line = new DelayLine(out, () => 10);
  const queue = new PacedQueue(out, () => ({ bytes: 1, beforeMs: 10, afterMs: 0 }));
  line.write(new Uint8Array(1));
  queue.write(new Uint8Array(1));
  line.dispose();
  queue.dispose();
  await Bun.sleep(30);
  expect(out.pieces).toEqual([]);
});

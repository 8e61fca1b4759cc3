import { expect, test } from "bun:test";
import { delays } from "./delays.ts";
import { DueHeap } from "./due-heap.ts";

function drain(heap: DueHeap): [due: number, id: number][] {
  const out: [number, number][] = [];
  for (; heap.size > 0; heap.pop()) out.push([heap.nextDue, heap.nextId]);
  return out;
}

test("gives packets in order of their due time, whatever the order and number they came in", () => {
  const next = delays(100, 100, 42);
  const heap = new DueHeap(4);
  const pushed: [number, number][] = [];
  for (let id = 0; id < 5_000; id++) {
    const due = Math.floor(next());
    pushed.push([due, id]);
    heap.push(due, id, 0);
  }
  // Equal due times keep their order: a constant delay never reorders.
  expect(drain(heap)).toEqual(pushed.toSorted(([dueA, idA], [dueB, idB]) => dueA - dueB || idA - idB));
});

test("keeps its order when pushes and pops alternate", () => {
  const heap = new DueHeap(2);
  for (const [due, id] of [
    [30, 1],
    [10, 2],
    [20, 3],
  ] as const) {
    heap.push(due, id, due - 5);
  }
  expect([heap.nextDue, heap.nextId, heap.nextArrived]).toEqual([10, 2, 5]);
  heap.pop();
  heap.push(15, 4, 10);
  expect(drain(heap).map(([, id]) => id)).toEqual([4, 3, 1]);
});

test("an empty heap has nothing due", () => {
  const heap = new DueHeap();
  heap.pop();
  expect(heap.nextDue).toBe(Number.POSITIVE_INFINITY);
});

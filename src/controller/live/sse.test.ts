import { expect, test } from "bun:test";
import { EventReader, encodeEvent } from "./sse.ts";

const EVENTS = [
  { name: "tick", data: { text: "two\nlines, and a blank one:\n\nhere" } },
  { name: "faults", data: [] },
];
const TEXT = EVENTS.map(({ name, data }) => encodeEvent(name, data)).join("");

test.each([1, 3, 7, TEXT.length])("events are read whole from pieces of %i characters", (size) => {
  const reader = new EventReader();
  const read = [];
  for (let at = 0; at < TEXT.length; at += size) read.push(...reader.push(TEXT.slice(at, at + size)));
  expect(read.map(({ name, data }) => ({ name, data: JSON.parse(data) }))).toEqual(EVENTS);
});

test("comments are no events, and one that is not complete waits", () => {
  const reader = new EventReader();
  expect(reader.push(": hello\n\ndata: 1\n")).toEqual([]);
  expect(reader.push("\n")).toEqual([{ name: "message", data: "1" }]);
});

import { expect, test } from "bun:test";
import { stopEvidence } from "../stop.ts";
import { mainProcess, type NodeProcess, parseStatus } from "./processes.ts";

const one = (pid: number, parent: number, starttime: number, state = "S"): NodeProcess => ({
  pid,
  parent,
  starttime,
  state,
  residentKib: 1,
});

test("/proc/PID/status", () => {
  const text =
    "Name:\tState: X\nUmask:\t0022\nState:\tT (stopped)\nTgid:\t7\nPid:\t7\nPPid:\t3\nVmRSS:\t   57800 kB\n";
  expect(parseStatus(text)).toEqual({ state: "T", parent: 3, residentKib: 57_800 });
  expect(parseStatus("State:\tI (idle)\nPPid:\t2\n")).toEqual({ state: "I", parent: 2, residentKib: 0 });
});

test.each([
  ["the only one", [one(9, 1, 5)], 9],
  ["the parent of the others, whatever the order", [one(12, 9, 6), one(9, 4, 5), one(13, 9, 5)], 9],
  ["not an orphan that init has adopted", [one(12, 1, 7), one(9, 4, 5), one(13, 9, 6)], 9],
  ["nobody", [], undefined],
])("the main process is %s", (_, all, pid) => {
  expect(mainProcess(all)?.pid).toBe(pid);
});

test("evidence of a stop: those that run are counted too", () => {
  expect(stopEvidence([one(1, 0, 1, "T"), one(2, 1, 1, "T")])).toMatchObject({
    landed: true,
    measures: { stopped_processes: 2, running_processes: 0 },
  });
  expect(stopEvidence([one(3, 0, 9)])).toMatchObject({
    landed: false,
    measures: { stopped_processes: 0, running_processes: 1 },
  });
  expect(stopEvidence([]).landed).toBe(false);
});

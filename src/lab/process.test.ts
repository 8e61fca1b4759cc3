import { expect, test } from "bun:test";
import { ageMs, isAlive, processRef, self, signalProcess } from "./process.ts";

test("this process is alive under its own start time and no other", () => {
  expect(isAlive(self())).toBeTrue();
  expect(isAlive({ ...self(), starttime: self().starttime + 1 })).toBeFalse();
});

test("a process is as old as the time since it was started", async () => {
  const before = performance.now();
  const child = Bun.spawn(["sleep", "30"]);
  const ref = processRef(child.pid) ?? { pid: child.pid, starttime: Number.NaN };
  const age = ageMs(ref);
  child.kill("SIGKILL");
  // In ticks of 10 ms, two of which are rounded.
  expect(age).toBeWithin(-20, performance.now() - before + 20);
  expect(ageMs(self())).toBeGreaterThan(age);
});

test("a recycled pid is not signalled", () => {
  const child = Bun.spawn(["sleep", "30"]);
  const ref = processRef(child.pid);
  expect(ref).not.toBeNull();
  if (!ref) return;
  expect(signalProcess({ ...ref, starttime: ref.starttime - 1 }, "SIGKILL")).toBeFalse();
  expect(isAlive(ref)).toBeTrue();
  expect(signalProcess(ref, "SIGKILL")).toBeTrue();
});

test("a dead process is not alive", async () => {
  const child = Bun.spawn(["true"]);
  const ref = processRef(child.pid) ?? { pid: child.pid, starttime: 0 };
  await child.exited;
  expect(isAlive(ref)).toBeFalse();
});

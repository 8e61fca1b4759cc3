import { expect, test } from "bun:test";
import { isAlive, processRef, self, signalProcess } from "./process.ts";

test("this process is alive under its own start time and no other", () => {
  expect(isAlive(self())).toBeTrue();
  expect(isAlive({ ...self(), starttime: self().starttime + 1 })).toBeFalse();
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

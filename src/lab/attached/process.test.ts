import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { ChaoslabError } from "../../cli/errors.ts";
import { parentOf, processRef } from "../process.ts";
import { isKernelThread, ourLine } from "./ancestry.ts";
import { forkingServer } from "./forking.ts";
import { disturbable, isWithin, ownDirs, requireNotOurs, requireOlderThan } from "./process.ts";

async function refusal(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof ChaoslabError) return error.oneLine;
    throw error;
  }
  throw new Error("it was accepted");
}

const tree = (pid: number, starttime = 0) => ({ version: 2 as const, dirs: [], tree: { pid, starttime } });

test("what everything rests on is no node", async () => {
  expect(await refusal(() => disturbable(1, "web"))).toBe("web: process 1 is what this host rests on");
  // A container sees none.
  const thread = readdirSync("/proc").find((name) => /^\d+$/.test(name) && isKernelThread(Number(name)));
  if (thread === undefined) return;
  expect(await refusal(() => disturbable(Number(thread), "web"))).toContain("is a thread of the kernel");
});

test("a process that has ended is said to have, in one line", async () => {
  const { pid } = await (async () => {
    await using server = await forkingServer(0);
    return server;
  })();
  expect(await refusal(() => disturbable(pid, "web"))).toBe(
    `web: no process ${pid} on this host: it has ended`,
  );
});

test("a process that began after its id was written down may be another one", async () => {
  await using server = await forkingServer(0);
  const ref = disturbable(server.pid, "web");
  requireOlderThan(ref, Date.now(), "web", "lab.yaml");
  expect(await refusal(() => requireOlderThan(ref, Date.now() - 60_000, "web", "lab.yaml"))).toBe(
    `web: process ${server.pid} began after lab.yaml was written: it may be another one (write its pid anew)`,
  );
});

test("chaoslab disturbs nothing that it runs in", async () => {
  await using server = await forkingServer(0);
  await requireNotOurs({ name: "web", cgroup: tree(server.pid) });
  await requireNotOurs({ name: "client", cgroup: null });
  expect(parentOf(server.pid)).toBe(process.pid);
  const line = ourLine();
  expect(line.slice(0, 2)).toEqual([process.pid, process.ppid]);
  for (const pid of line) {
    const ref = processRef(pid);
    expect(
      await refusal(() => requireNotOurs({ name: "ssh", cgroup: tree(pid, ref?.starttime) })),
    ).toStartWith("ssh: chaoslab itself runs in it");
  }
});

test("groups that are a unit's alone", () => {
  const of = (path: string) => ownDirs([`/sys/fs/cgroup${path}`], "nginx.service");
  expect(of("/system.slice/nginx.service")).toHaveLength(1);
  expect(of("/system.slice/my-nginx.service")).toEqual([]);
  expect(of("/system.slice")).toEqual([]);
  expect(isWithin("/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a")).toBe(true);
  expect(isWithin("/sys/fs/cgroup/ab", "/sys/fs/cgroup/a")).toBe(false);
});

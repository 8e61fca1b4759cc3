import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../wait.ts";
import type { CgroupLayout } from "./cgroup.ts";
import type { NodeSpec } from "./nodes.ts";
import { LabPaths } from "./record.ts";
import { BACKOFF_FIRST_MS, BACKOFF_LAST_MS, backoffMs, Supervisor } from "./supervisor.ts";
import { Topology } from "./topology.ts";

test("restarts back off exponentially up to a bound", () => {
  const waits = [1, 2, 3, 4, 5, 6, 20].map(backoffMs);
  expect(waits[0]).toBe(BACKOFF_FIRST_MS);
  expect(waits[1]).toBe(2 * BACKOFF_FIRST_MS);
  expect(waits.at(-1)).toBe(BACKOFF_LAST_MS);
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
});

test("a node that cannot enter its group is killed, not left running outside of it", async () => {
  const dir = mkdtempSync(join(tmpdir(), "chaoslab-supervisor-"));
  const paths = Object.assign(new LabPaths("a"), { dir });
  mkdirSync(join(dir, "logs"));
  const spec: NodeSpec = {
    name: "payments",
    argv: ["sleep", "600"],
    env: {},
    stopSignal: "SIGTERM",
    ready: async () => false,
  };
  const layout: CgroupLayout = { version: 2, roots: [join(dir, "no-cgroups")] };
  const supervisor = new Supervisor({ payments: spec }, new Topology("a", 0), paths, layout, () => {});
  try {
    const started = supervisor.start("payments", 30_000);
    const first = await waitFor(() => supervisor.status()[0]?.last_exit, {
      what: "its end",
      timeoutMs: 5_000,
    });
    expect(first).toBe("signal SIGKILL");
    await supervisor.stop();
    await expect(started).rejects.toThrow("taken down");
    expect(readFileSync(paths.log("payments"), "utf8")).toContain("not started: ENOENT");
  } finally {
    await supervisor.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});

import { expect, test } from "bun:test";
import { findLayout } from "./cgroup.ts";

const V1 = ["cpu,cpuacct", "memory", "freezer"]
  .map((c) => `cgroup /sys/fs/cgroup/${c} cgroup rw,relatime,${c} 0 0`)
  .join("\n");
const V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0";
const HYBRID = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0";

test("v2 is used where it has the controllers", () => {
  expect(findLayout(V2, () => ["cpu", "memory", "pids"])).toEqual({ version: 2, roots: ["/sys/fs/cgroup"] });
});

test("a hybrid host, whose v2 has no controllers, is used as v1", () => {
  expect(findLayout(`${HYBRID}\n${V1}`, () => [])).toEqual({
    version: 1,
    roots: ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/freezer"],
  });
});

test("a host without a needed controller is no place for a lab", () => {
  expect(findLayout(V1.replace("memory", "pids").replace("memory", "pids"), () => [])).toBeNull();
  expect(findLayout(V2, () => ["memory"])).toBeNull();
});

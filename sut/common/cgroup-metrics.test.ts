import { expect, test } from "bun:test";
import { findCpuStat, parseThrottling } from "./cgroup-metrics.ts";

const V1 = "30 23 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n";
const V1_MEMORY = "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
const V2 = "35 23 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

test.each([
  [
    "v1",
    "4:memory:/m\n3:cpu,cpuacct:/chaoslab/lab/api\n0::/\n",
    V1_MEMORY + V1,
    "/sys/fs/cgroup/cpu,cpuacct/chaoslab/lab/api/cpu.stat",
  ],
  ["v2", "0::/chaoslab/lab/api\n", V2, "/sys/fs/cgroup/chaoslab/lab/api/cpu.stat"],
  ["a container's own view of v2", "0::/\n", V2, "/sys/fs/cgroup/cpu.stat"],
  [
    "a part of v1 that is mounted",
    "3:cpu:/docker/1234\n",
    V1.replace("0:26 /", "0:26 /docker/1234"),
    "/sys/fs/cgroup/cpu,cpuacct/cpu.stat",
  ],
  ["no cgroup at all", "", "", null],
])("cpu.stat in %s", (_, cgroup, mountinfo, path) => expect(findCpuStat(cgroup, mountinfo)).toBe(path));

test.each([
  [
    "v1",
    "nr_periods 12\nnr_throttled 3\nthrottled_time 1500000000\n",
    { periods: 12, throttledPeriods: 3, throttledSeconds: 1.5 },
  ],
  [
    "v2",
    "usage_usec 9\nnr_periods 12\nnr_throttled 3\nthrottled_usec 250000\n",
    { periods: 12, throttledPeriods: 3, throttledSeconds: 0.25 },
  ],
  ["the root group", "usage_usec 9\nuser_usec 4\n", null],
])("the account of %s", (_, text, expected) => expect(parseThrottling(text)).toEqual(expected));

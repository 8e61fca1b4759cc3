import { describe, expect, test } from "bun:test";
import { isOwnFileSystem, ownGroup, signalNamed, stateOf } from "./container.ts";
import { framesToText } from "./engine.ts";
import { groupDirs } from "./place.ts";

const ID = "0d3a".repeat(16);

describe("the group of a container", () => {
  const group = (...dirs: string[]) => ({ version: 1 as const, dirs });

  test.each([
    [[`/sys/fs/cgroup/cpu/docker/${ID}`], [`/sys/fs/cgroup/cpu/docker/${ID}`]],
    [
      [`/sys/fs/cgroup/system.slice/docker-${ID}.scope/init`],
      [`/sys/fs/cgroup/system.slice/docker-${ID}.scope`],
    ],
    [
      [`/sys/fs/cgroup/cpu/docker/${ID}`, "/sys/fs/cgroup/freezer/others"],
      [`/sys/fs/cgroup/cpu/docker/${ID}`],
    ],
  ])("%#", (dirs, own) => {
    expect(ownGroup(group(...dirs), ID, "api")).toEqual(group(...own));
  });

  test("one that others share is refused", () => {
    expect(() => ownGroup(group("/sys/fs/cgroup/cpu/machine"), ID, "api")).toThrow("no cgroup of its own");
  });
});

describe("groups of a process", () => {
  const mounts = `cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0
`;
  const groups = "9:memory:/docker/x\n5:pids:/docker/x\n3:cpu,cpuacct:/docker/x\n0::/docker/x\n";

  test("v1: those of the controllers that faults write to, once each", () => {
    expect(groupDirs(groups, mounts, 1)).toEqual([
      "/sys/fs/cgroup/cpu,cpuacct/docker/x",
      "/sys/fs/cgroup/memory/docker/x",
    ]);
  });
  test("v2: the one", () => {
    expect(groupDirs(groups, mounts, 2)).toEqual(["/sys/fs/cgroup/unified/docker/x"]);
  });
  test("the root's is everybody's", () => {
    expect(groupDirs("9:memory:/\n3:cpu,cpuacct:/\n0::/\n", mounts, 1)).toEqual([]);
  });
});

test.each([
  [{ Status: "running", Running: true }, "ready"],
  [{ Status: "running", Running: true, Health: { Status: "starting" } }, "starting"],
  [{ Status: "running", Running: true, Health: { Status: "unhealthy" } }, "starting"],
  [{ Status: "running", Running: true, Health: { Status: "healthy" } }, "ready"],
  [{ Status: "restarting", Running: true }, "backoff"],
  [{ Status: "exited", Running: false }, "stopped"],
])("%o is %s", (state, expected) => {
  const rest = { Paused: false, Pid: 1, ExitCode: 0, StartedAt: "", FinishedAt: "" };
  expect(stateOf({ State: { ...rest, ...state } })).toBe(expected as ReturnType<typeof stateOf>);
});

describe("a volume that may be filled", () => {
  const mountinfo = `1 0 0:9 / / rw - overlay overlay rw
2 1 0:44 / /volume rw - tmpfs tmpfs rw,size=524288k
3 1 254:0 /var/lib/docker/volumes/data/_data /plain rw - ext4 /dev/vda rw
4 1 0:45 / /over rw - tmpfs tmpfs rw
5 4 254:0 /srv /over rw - ext4 /dev/vda rw
`;
  test.each([
    ["/volume", true, "a file system of its own"],
    ["/plain", false, "a folder of the host's disk, bound"],
    ["/over", false, "such a folder over one of its own"],
    ["/nothing", false, "nothing"],
  ])("%s: %p, %s is mounted there", (path, is) => {
    expect(isOwnFileSystem(mountinfo, path)).toBe(is);
  });
});

test.each([
  ["SIGQUIT", "SIGQUIT"],
  ["QUIT", "SIGQUIT"],
  ["3", "SIGQUIT"],
  [undefined, "SIGTERM"],
  ["RTMIN+3", "SIGTERM"],
])("stop signal %p is %p", (text, name) => {
  expect(signalNamed(text)).toBe(name as NodeJS.Signals);
});

test("logs come in frames, or as they are", () => {
  const frame = (stream: number, text: string): number[] => [
    ...[stream, 0, 0, 0, 0, 0, 0, text.length],
    ...Buffer.from(text),
  ];
  expect(framesToText(new Uint8Array([...frame(1, "one\n"), ...frame(2, "two\n")]))).toBe("one\ntwo\n");
  expect(framesToText(Buffer.from("plain text\n"))).toBe("plain text\n");
  expect(framesToText(new Uint8Array())).toBe("");
});

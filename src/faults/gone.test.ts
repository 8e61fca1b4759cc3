import { expect, test } from "bun:test";
import { lookAfter } from "./gone.ts";

const UNDO = { kind: "any" };

test("nothing to be seen: gone", async () => {
  expect(await lookAfter(UNDO, async () => null)).toEqual({ gone: true, remains: null });
});

test("what goes away a moment later is gone, and is not waited for any longer", async () => {
  let looks = 0;
  const look = async (): Promise<string | null> => (++looks < 4 ? "a process that ends" : null);
  expect(await lookAfter(UNDO, look)).toEqual({ gone: true, remains: null });
  expect(looks).toBe(4);
});

test("what does not go away remains, in the words of the last look", async () => {
  let looks = 0;
  const seen = await lookAfter(UNDO, async () => `look ${++looks}`);
  expect(seen).toEqual({ gone: false, remains: `look ${looks}` });
  expect(looks).toBeGreaterThan(1);
});

test("where nobody can look, nobody knows, and why is told", async () => {
  const look = async (): Promise<null> => {
    throw new Error("no answer\nwithin 5 s");
  };
  expect(await lookAfter(UNDO, look)).toEqual({
    gone: null,
    remains: "nobody could look: no answer within 5 s",
  });
});

test("a target that is gone shows nothing, whatever the mechanism", async () => {
  const cgroup = { version: 1, dirs: ["/sys/fs/cgroup/cpu/chaoslab/no-such/node"] };
  const netns = "/run/netns/chaoslab-no-such";
  const worker = { pid: 2 ** 22, starttime: 1, queue: 1 };
  const root = { kind: "netem", handle: "7000:" };
  const limits = [{ file: "cpu.cfs_period_us", before: "100000", ours: "100001" }];
  const behaviour = { error_rate: 1, delay_ms: 0, mode: "normal" };
  const url = "http://127.0.0.1:1";
  const undos = [
    { kind: "netem", netns, device: "eth0", root },
    { kind: "nfqueue", netns, comment: "chaoslab:f-1", worker },
    { kind: "iptables", netns, comment: "chaoslab:f-1" },
    { kind: "cpu-cgroup-v1", cgroup, limits },
    { kind: "cpu-cgroup-v1", cgroup, limits: null },
    { kind: "sigkill", cgroup },
    { kind: "sigstop", cgroup },
    { kind: "restart", cgroup, asked: worker },
    { kind: "fill-file", path: "/var/lib/chaoslab/labs/no-such/.chaoslab-fill-f-1" },
    { kind: "behaviour-api", url, cgroup, ours: behaviour },
    { kind: "toxiproxy", url, token_file: null, cgroup, toxics: [{ proxy: "a", name: "b" }] },
    { kind: "vdso", id: "f-1", cgroup: cgroup.dirs, processes: [], worker },
  ];
  for (const undo of undos)
    expect([undo.kind, await lookAfter(undo)]).toEqual([undo.kind, { gone: true, remains: null }]);
});

test("a server of somebody else's that does not answer leaves it open", async () => {
  const toxics = [{ proxy: "a", name: "b" }];
  const seen = await lookAfter({
    kind: "toxiproxy",
    url: "http://127.0.0.1:1",
    token_file: null,
    cgroup: null,
    toxics,
  } as { kind: string });
  expect(seen).toMatchObject({ gone: null, remains: expect.stringContaining("nothing listens there") });
});

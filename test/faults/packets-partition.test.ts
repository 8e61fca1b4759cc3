/** Partitions between real namespaces. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { inject } from "../../src/faults/controller.ts";
import { remains, undo } from "../../src/faults/registry.ts";
import { revertAll } from "../../src/faults/revert.ts";
import { exec } from "../../src/lab/exec.ts";
import { Fabric, inside } from "./fabric.ts";
import { PacketNet, undoOf } from "./packets-net.ts";

setDefaultTimeout(60_000);
const BACKEND = "iptables";

const net = new PacketNet("part");
beforeAll(() => net.up());
afterEach(() => net.clean());
afterAll(() => net.down());

test.each([
  [{}, { "b a": 0, "a b": 0, "b c": 0, "c b": 0, "a c": 1 }],
  [{ peer: "a" }, { "b a": 0, "a b": 0, "b c": 1, "c b": 1, "a c": 1 }],
  [
    { peer: "a", direction: "egress" },
    { "b a": 0, "a b": 1, "b c": 1 },
  ],
  [{ direction: "ingress" }, { "b a": 1, "a b": 0, "c b": 0, "b c": 1 }],
] as const)("%p: nothing of this passes, all else does", async (params, expected) => {
  const given = net.fault(BACKEND, "partition", "b", params);
  const active = await inject(given);
  const passed: Record<string, number> = {};
  for (const path of Object.keys(expected)) {
    const [from, to] = path.split(" ") as ["a", "b"];
    passed[path] = await net.passing(from, to);
  }
  expect(passed).toEqual(expected);
  const stopped = Object.values(expected).filter((share: number) => share === 0).length;
  expect(await active.verify()).toMatchObject({
    landed: true,
    measures: { dropped_packets: 200 * stopped, dropped_bytes: 200 * stopped * 92 },
  });

  const { undo: data, comment = "" } = undoOf(given.journal);
  const rules = "direction" in params ? "a rule" : "2 rules";
  const left = (what: string): string =>
    `${what} of iptables with comment ${comment} in ${net.fabric.path("fabric")}`;
  expect(await remains(data)).toBe(left(rules));
  expect(await active.revert()).toMatchObject({ gone: true, remains: null });
  expect(await net.traces()).toEqual([]);
  expect([await net.passing("b", "a"), await net.passing("a", "b")]).toEqual([1, 1]);
  await undo(data);
  await undo(data);
  expect(await revertAll(given.journal)).toEqual([]);

  // By hand once more, as if it had stayed.
  const mangle = (...args: string[]) =>
    exec(inside(net.fabric.path("fabric"), ["iptables", "-w", "-t", "mangle", ...args]));
  await mangle("-A", "FORWARD", "-m", "comment", "--comment", comment, "-j", "DROP");
  expect(await remains(data)).toBe(left("a rule"));
  await mangle("-F", "FORWARD");
  expect(await remains(data)).toBeNull();
});

test("an open connection stands still and goes on after the revert", async () => {
  const active = await inject(net.fault(BACKEND, "partition", "b", { peer: "a" }));
  // Its SYN is lost and sent again, after 1 s and then after 2 s.
  const upload = net.upload("b", "a", 100_000);
  await Bun.sleep(500);
  expect(Bun.peek.status(upload)).toBe("pending");
  await active.revert();
  expect((await upload).intact).toBe(true);
});

test("without traffic there is no evidence", async () => {
  await using active = await inject(net.fault(BACKEND, "partition", "b", {}));
  expect(await active.verify()).toMatchObject({ landed: false, measures: { dropped_packets: 0 } });
});

test("it outlives its owner, and another process takes it back", async () => {
  const given = net.fault(BACKEND, "partition", "b", { peer: "a" });
  const owner = await net.owner(given);
  owner.kill("SIGKILL");
  await owner.exited;
  expect(await net.passing("b", "a")).toBe(0);
  expect(await revertAll(given.journal)).toMatchObject([
    { error: null, event: { fault_type: "partition", gone: true } },
  ]);
  expect(await net.passing("b", "a")).toBe(1);
  expect(await net.traces()).toEqual([]);
});

test("nothing stays when the owner is killed at any moment of injecting", async () => {
  for (let afterMs = 0; afterMs < 150; afterMs += 25) {
    const given = net.fault(BACKEND, "partition", "b", {});
    const started = net.owner(given).catch(() => null);
    await Bun.sleep(afterMs);
    await net.clean();
    await started;
    for (const { error } of await revertAll(given.journal)) expect(error).toBeNull();
    expect(await net.traces()).toEqual([]);
  }
});

test("rules that others made stay; a fault on the same packets is refused", async () => {
  const rule = (...args: string[]) =>
    exec(inside(net.fabric.path("fabric"), ["iptables", "-w", "-t", "mangle", ...args]));
  const foreign = ["FORWARD", "-s", `${net.fabric.address("b")}/32`, "-j", "ACCEPT"];
  await rule("-A", ...foreign);
  try {
    const before = await net.fabric.rules();
    const active = await inject(net.fault(BACKEND, "partition", "b", { peer: "a" }));
    // Before the foreign rule, which would let it pass.
    expect(await net.passing("b", "a")).toBe(0);
    await expect(inject(net.fault(BACKEND, "partition", "a", {}))).rejects.toMatchObject({ kind: "busy" });
    await using _ = await inject(net.fault(BACKEND, "partition", "b", { peer: "c" }));
    await active.revert();
    await _.revert();
    expect(await net.fabric.rules()).toEqual(before);
  } finally {
    await rule("-D", ...foreign);
  }
});

test("undo is fine after the namespaces are gone", async () => {
  const gone = new Fabric(`clpackets-${process.pid}-part-gone`);
  await gone.up();
  const given = net.fault(BACKEND, "partition", "b", {});
  const active = await inject({ ...given, target: gone.target("b") });
  await gone.down();
  expect(await revertAll(given.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
  expect(await active.revert()).toMatchObject({ t_stop: expect.any(Number), gone: true, remains: null });
});

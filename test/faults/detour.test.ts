/** Faults on a node whose packets cross no fabric, as a container's: in its own namespace, on detours. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type InjectOptions, inject } from "../../src/faults/controller.ts";
import { probeDetour } from "../../src/faults/network/detour.ts";
import { namespaceId } from "../../src/faults/network/netns.ts";
import { remains, undo } from "../../src/faults/registry.ts";
import { exec } from "../../src/lab/exec.ts";
import type { FaultType, ParamsOf } from "../../src/model/params.ts";
import { inside } from "./fabric.ts";
import { PacketNet, undoOf, workerOf } from "./packets-net.ts";

setDefaultTimeout(60_000);

const lacks = process.getuid?.() === 0 ? await probeDetour("out") : "not root";

describe.skipIf(lacks !== null)("without a fabric", () => {
  const net = new PacketNet("detour");
  beforeAll(() => net.up());
  afterEach(() => net.clean());
  afterAll(() => net.down());

  function on<T extends FaultType>(
    backend: string,
    type: T,
    params: ParamsOf<T> & { peer?: string },
  ): InjectOptions {
    const given = net.fault(backend, type, "b", params);
    return { ...given, target: { ...given.target, fabric: null } };
  }

  /** What b's namespace has of ours, or of anybody but the kernel. */
  async function traces(): Promise<string[]> {
    const lines = async (...argv: string[]): Promise<string[]> =>
      (await exec(inside(net.fabric.path("b"), argv))).stdout.split("\n").filter(Boolean);
    return [
      ...(await lines("iptables-save", "-t", "mangle")).filter((line) => line.startsWith("-A")),
      ...(await lines("tc", "qdisc", "show")).filter((line) => !line.includes("noqueue")),
      ...(await lines("ip", "-o", "link", "show", "type", "ifb")),
    ];
  }

  async function gone(active: Awaited<ReturnType<typeof inject>>): Promise<void> {
    expect(await active.revert()).toMatchObject({ gone: true, remains: null });
    expect(await traces()).toEqual([]);
  }

  test.each(["egress", "ingress"] as const)(
    "%s: loss by nfqueue, the other way spared",
    async (direction) => {
      const active = await inject(on("nfqueue", "loss", { loss_percent: 30, direction }));
      const [lossy, spared] = direction === "egress" ? (["b", "a"] as const) : (["a", "b"] as const);
      expect(await net.passing(lossy, spared)).toBeWithin(0.55, 0.85);
      expect(await net.passing(spared, lossy)).toBe(1);
      expect((await active.verify()).landed).toBe(true);
      await gone(active);
      expect(await net.passing(lossy, spared)).toBe(1);
    },
  );

  test.each(["egress", "ingress"] as const)("%s: duplicates are not duplicated again", async (direction) => {
    const active = await inject(on("nfqueue", "duplicate", { duplicate_percent: 50, direction }));
    const [from, to] = direction === "egress" ? (["b", "a"] as const) : (["a", "b"] as const);
    const { numbers } = await net.send(from, to, 400);
    expect(numbers.length).toBeWithin(540, 660);
    const seen = new Map<number, number>();
    for (const each of numbers) seen.set(each, (seen.get(each) ?? 0) + 1);
    expect(Math.max(...seen.values())).toBe(2);
    await gone(active);
  });

  test("a long delay holds up no bulk transfer, as it would at its sender's socket", async () => {
    const active = await inject(on("nfqueue", "latency", { delay_ms: 50 }));
    const { seconds, intact } = await net.upload("b", "a", 20_000_000);
    expect(intact).toBe(true);
    // Where it leaves its socket, 2 s at best; held at its sender's socket, about 20 s.
    expect(seconds).toBeLessThan(10);
    await gone(active);
  });

  test("what arrives is shaped", async () => {
    const active = await inject(on("tbf", "bandwidth", { rate_kbit: 20_000, direction: "ingress" }));
    const { seconds, intact } = await net.upload("a", "b", 5_000_000);
    expect(intact).toBe(true);
    expect((5_000_000 * 8 * (1514 / 1448)) / 1_000 / seconds).toBeWithin(17_000, 22_500);
    await gone(active);
  });

  test.each(["egress", "ingress"] as const)(
    "%s: a partition drops, from one peer alone",
    async (direction) => {
      const active = await inject(on("iptables", "partition", { peer: "a", direction }));
      const [from, to] = direction === "egress" ? (["b", "a"] as const) : (["a", "b"] as const);
      expect(await net.passing(from, to)).toBe(0);
      expect(await net.passing("b", "c")).toBe(1);
      expect(await net.passing("c", "b")).toBe(1);
      await gone(active);
    },
  );

  test("two faults share the hook, and each takes away its own", async () => {
    const shaped = await inject(on("tbf", "bandwidth", { rate_kbit: 20_000, direction: "ingress" }));
    const lossy = await inject(on("nfqueue", "loss", { loss_percent: 50, peer: "a" }));
    const other = await inject(on("nfqueue", "loss", { loss_percent: 100, peer: "c" }));
    expect(await net.passing("b", "a")).toBeWithin(0.3, 0.7);
    expect(await net.passing("b", "c")).toBe(0);
    expect(await shaped.revert()).toMatchObject({ gone: true });
    expect(await net.passing("b", "a")).toBeWithin(0.3, 0.7);
    expect(await lossy.revert()).toMatchObject({ gone: true });
    expect(await net.passing("b", "a")).toBe(1);
    expect(await net.passing("b", "c")).toBe(0);
    await gone(other);
  });

  test("a hook that is not ours is left alone", async () => {
    const hook = ["tc", "qdisc", "add", "dev", "eth0", "clsact"];
    await exec(inside(net.fabric.path("b"), hook));
    const before = await traces();
    for (const given of [
      on("nfqueue", "latency", { delay_ms: 50 }),
      on("tbf", "bandwidth", { rate_kbit: 20_000, direction: "ingress" }),
    ]) {
      await expect(inject(given)).rejects.toMatchObject({ kind: "busy" });
    }
    expect(await traces()).toEqual(before);
    await exec(inside(net.fabric.path("b"), hook.with(2, "del")));
  });

  test("a path that has come to be another namespace's is left alone", async () => {
    const given = on("nfqueue", "loss", { loss_percent: 100 });
    const netnsId = namespaceId(net.fabric.path("b")) ?? 0;
    const active = await inject({ ...given, target: { ...given.target, netnsId } });
    const { undo: data } = undoOf(given.journal);
    const before = await traces();
    const stale = { ...data, worker: null, netns_id: netnsId + 1 };
    await undo(stale);
    expect(await remains(stale)).toBeNull();
    expect(await traces()).toEqual(before);
    expect(await remains(data)).not.toBeNull();
    await gone(active);
  });

  test("a hook that somebody has come to use stays", async () => {
    const active = await inject(on("nfqueue", "loss", { loss_percent: 30 }));
    const filter = ["tc", "filter", "add", "dev", "eth0", "ingress", "protocol", "ip", "prio", "9", "u32"];
    const [match, remove] = [
      ["match", "u32", "0", "0", "flowid", "1:1"],
      ["qdisc", "del", "dev", "eth0"],
    ];
    await exec(inside(net.fabric.path("b"), [...filter, ...match]));
    expect(await active.revert()).toMatchObject({ gone: true });
    expect((await traces()).filter((line) => !line.includes("clsact"))).toEqual([]);
    expect(await traces()).not.toEqual([]);
    await exec(inside(net.fabric.path("b"), ["tc", ...remove, "clsact"]));
  });

  test("a worker that is killed lets packets pass, and the undo runs twice", async () => {
    const given = on("nfqueue", "loss", { loss_percent: 100 });
    const active = await inject(given);
    const { undo: data } = undoOf(given.journal);
    expect(await net.passing("b", "a")).toBe(0);
    process.kill(workerOf(given.journal)?.pid ?? -1, "SIGKILL");
    await Bun.sleep(200);
    expect(await net.passing("b", "a")).toBe(1);
    expect(await remains(data)).not.toBeNull();
    await undo(data);
    await undo(data);
    await gone(active);
  });
});

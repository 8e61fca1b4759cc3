/** A bottleneck between real namespaces: the rate that TCP reaches through it. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { inject } from "../../src/faults/controller.ts";
import { htb, tbf } from "../../src/faults/network/shape.ts";
import { remains, undo } from "../../src/faults/registry.ts";
import { revertAll } from "../../src/faults/revert.ts";
import { exec } from "../../src/lab/exec.ts";
import { Fabric, inside, type Node } from "./fabric.ts";
import { PacketNet, undoOf } from "./packets-net.ts";

setDefaultTimeout(60_000);

const probed = {
  id: "probe",
  params: { rate_kbit: 1_000 },
  target: new Fabric("none").target("b"),
  others: {},
  maxLifetimeMs: 1_000,
};
const available = { tbf: await tbf.probe(probed), htb: await htb.probe(probed) };

const RATE_KBIT = 20_000;
/** Without a bottleneck, a veth carries more than this many times the rate on the slowest machine. */
const FREE_KBIT = 5 * RATE_KBIT;

for (const backend of ["tbf", "htb"] as const) {
  describe.skipIf(available[backend] !== null)(`bandwidth by ${backend}`, () => {
    const net = new PacketNet(backend);
    beforeAll(() => net.up());
    afterEach(() => net.clean());
    afterAll(() => net.down());

    /** Rate of an upload on the wire, in kbit/s: each 1448 bytes of data travel in a frame of 1514. */
    async function rate(from: Node, to: Node, bytes = 5_000_000): Promise<number> {
      const { seconds, intact } = await net.upload(from, to, bytes);
      expect(intact).toBe(true);
      return (((bytes * 8) / 1000) * (1514 / 1448)) / seconds;
    }
    const expectShaped = (kbit: number): void => {
      expect(kbit).toBeGreaterThan(RATE_KBIT * 0.9);
      expect(kbit).toBeLessThan(RATE_KBIT * 1.1);
    };

    test.each(["egress", "ingress"] as const)(
      "%s: TCP gets the rate asked for, once more after the revert the old one",
      async (direction) => {
        const given = net.fault(backend, "bandwidth", "b", { rate_kbit: RATE_KBIT, direction });
        const active = await inject(given);
        const [from, to] = direction === "egress" ? (["b", "a"] as const) : (["a", "b"] as const);
        const through = await rate(from, to);
        console.log(`${backend} ${direction}: ${RATE_KBIT} kbit/s asked, ${through.toFixed(0)} measured`);
        expectShaped(through);
        expect(await rate(to, from)).toBeGreaterThan(FREE_KBIT);
        const { landed, measures } = await active.verify();
        expect(landed).toBe(true);
        expect(measures.bytes).toBeGreaterThan(5_000_000);
        expect(measures.overlimits).toBeGreaterThan(100);

        const { undo: data, root } = undoOf(given.journal);
        const handle = root?.handle ?? "";
        const seen = await remains(data);
        expect(seen).toStartWith(
          `qdisc ${backend} ${handle} on ${direction === "egress" ? "eth0" : "b"} in `,
        );
        expect(await active.revert()).toMatchObject({ gone: true, remains: null });
        expect(await net.traces()).toEqual([]);
        expect(await rate(from, to)).toBeGreaterThan(FREE_KBIT);
        await undo(data);
        await undo(data);
        expect(await remains(data)).toBeNull();
        expect(await revertAll(given.journal)).toEqual([]);

        // By hand once more, as if it had stayed.
        const netns = net.fabric.path(direction === "egress" ? "b" : "fabric");
        const on = ["dev", direction === "egress" ? "eth0" : "b", "root"];
        const shape = backend === "tbf" ? ["tbf", "rate", "1mbit", "burst", "2kb", "limit", "20kb"] : ["htb"];
        await exec(inside(netns, ["tc", "qdisc", "add", ...on, "handle", handle, ...shape]));
        expect(await remains(data)).toBe(seen);
        await exec(inside(netns, ["tc", "qdisc", "del", ...on]));
        expect(await remains(data)).toBeNull();
      },
    );

    test("a rate at which the packets that TCP hands down are larger than the queue", async () => {
      await using _ = await inject(net.fault(backend, "bandwidth", "b", { rate_kbit: 1_000 }));
      expect(await rate("b", "a", 250_000)).toBeWithin(900, 1_100);
    });

    test.skipIf(backend === "tbf").each(["egress", "ingress"] as const)(
      "%s: only the peer's packets are shaped",
      async (direction) => {
        const params = { rate_kbit: RATE_KBIT, direction, peer: "a" };
        await using active = await inject(net.fault(backend, "bandwidth", "b", params));
        const between = (other: Node): Promise<number> =>
          direction === "egress" ? rate("b", other) : rate(other, "b");
        expectShaped(await between("a"));
        expect(await between("c")).toBeGreaterThan(FREE_KBIT);
        expect((await active.verify()).measures.bytes).toBeLessThan(8_000_000);
        await active.revert();
        expect(await net.traces()).toEqual([]);
      },
    );

    test("a foreign qdisc is left alone, and so is a fault that is there already", async () => {
      const tc = async (...args: string[]): Promise<string> =>
        (await exec(inside(net.fabric.path("c"), ["tc", "qdisc", ...args]))).stdout;
      await tc("add", "dev", "eth0", "root", "handle", "1:", "htb");
      const before = await tc("show");
      const on = (target: Node) => inject(net.fault(backend, "bandwidth", target, { rate_kbit: 1_000 }));
      await expect(on("c")).rejects.toMatchObject({ kind: "busy" });
      expect(await tc("show")).toBe(before);
      await tc("del", "dev", "eth0", "root");
      await using _ = await on("b");
      const traces = await net.traces();
      await expect(on("b")).rejects.toMatchObject({ kind: "busy" });
      expect(await net.traces()).toEqual(traces);
    });

    test("another process reverts it when its owner was killed", async () => {
      const given = net.fault(backend, "bandwidth", "b", { rate_kbit: RATE_KBIT });
      const owner = await net.owner(given);
      owner.kill("SIGKILL");
      await owner.exited;
      expect(await revertAll(given.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
      expect(await net.traces()).toEqual([]);
      expect(await rate("b", "a")).toBeGreaterThan(FREE_KBIT);
    });

    test("undo is fine after the namespaces are gone", async () => {
      const gone = new Fabric(`clpackets-${process.pid}-${backend}-gone`);
      await gone.up();
      const given = net.fault(backend, "bandwidth", "b", { rate_kbit: 1_000, direction: "ingress" });
      const active = await inject({ ...given, target: gone.target("b") });
      await gone.down();
      expect(await revertAll(given.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
      expect(await active.revert()).toMatchObject({ t_stop: expect.any(Number), gone: true, remains: null });
    });
  });
}

test.skipIf(available.htb !== null || available.tbf !== null)(
  "tbf is taken for all packets, htb for one peer's",
  async () => {
    const net = new PacketNet("choice");
    try {
      await net.fabric.up();
      for (const [peer, expected] of [
        [undefined, "tbf"],
        ["a", "htb"],
      ] as const) {
        const params = { rate_kbit: 1_000, ...(peer === undefined ? {} : { peer }) };
        const { backend: _, ...given } = net.fault("", "bandwidth", "b", params);
        await using active = await inject(given);
        expect(active.event.backend).toBe(expected);
      }
    } finally {
      await net.down();
    }
  },
);

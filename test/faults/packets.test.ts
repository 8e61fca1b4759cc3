/** What packet-level faults do to real packets between real namespaces, with every backend that this kernel has. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { inject } from "../../src/faults/controller.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { netem } from "../../src/faults/network/netem.ts";
import { nfqueue } from "../../src/faults/network/nfqueue.ts";
import { remains, undo } from "../../src/faults/registry.ts";
import { revertAll } from "../../src/faults/revert.ts";
import { isAlive } from "../../src/lab/process.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { Fabric } from "./fabric.ts";
import { PacketNet, workerOf } from "./packets-net.ts";

setDefaultTimeout(60_000);

const SENT = 6_000;
const probed = {
  id: "probe",
  params: { loss_percent: 1 },
  target: new Fabric("none").target("b"),
  others: {},
  maxLifetimeMs: 1_000,
};
const available = { netem: await netem.probe(probed), nfqueue: await nfqueue.probe(probed) };

/** How often each number arrived, beyond the first time. */
const duplicates = (numbers: number[]): number => numbers.length - new Set(numbers).size;
/** Datagrams that arrived before one with a lower number. */
function ahead(numbers: number[]): number {
  let lowest = Number.POSITIVE_INFINITY;
  return numbers.toReversed().filter((number) => {
    const overtook = number > lowest;
    lowest = Math.min(lowest, number);
    return overtook;
  }).length;
}

for (const backend of ["netem", "nfqueue"] as const) {
  describe.skipIf(available[backend] !== null)(`packets by ${backend}`, () => {
    const net = new PacketNet(backend);
    beforeAll(() => net.up());
    afterEach(() => net.clean());
    afterAll(() => net.down());

    /** Half the 99 % interval of a share of SENT packets; netem has no seed, so that 99 % would fail now and then. */
    const interval = (percent: number, inflation = 1): number => {
      const p = percent / 100;
      return (backend === "netem" ? 4.5 : 2.576) * Math.sqrt(SENT * p * (1 - p) * inflation);
    };
    const expectShare = (count: number, percent: number, inflation = 1): void =>
      expect(Math.abs(count - (SENT * percent) / 100)).toBeLessThanOrEqual(interval(percent, inflation));

    /** The fault is gone without a trace, and undoing it again is fine. */
    async function expectGone(given: { journal: string }, active: Awaited<ReturnType<typeof inject>>) {
      const data = openFaults(given.journal)[0]?.undo;
      const worker = workerOf(given.journal);
      expect(worker !== null).toBe(backend === "nfqueue");
      if (data) expect(await remains(data)).not.toBeNull();
      expect(await active.revert()).toMatchObject({ t_stop: expect.any(Number), gone: true, remains: null });
      expect(await net.traces()).toEqual([]);
      if (worker) expect(isAlive(worker)).toBe(false);
      if (data) await undo(data);
      if (data) await undo(data);
      const { numbers } = await net.send("b", "a", 1_000);
      expect([numbers.length, duplicates(numbers), ahead(numbers)]).toEqual([1_000, 0, 0]);
      expect(await revertAll(given.journal)).toEqual([]);
    }

    test("loss: the share asked for is lost, and counted", async () => {
      const given = net.fault(backend, "loss", "b", { loss_percent: 5 });
      const active = await inject(given);
      const { numbers, overflows } = await net.send("b", "a", SENT);
      const { landed, measures } = await active.verify();
      expect(landed).toBe(true);
      expectShare(SENT - numbers.length - overflows, 5);
      expect([measures.packets, measures.lost_packets]).toEqual([SENT, SENT - numbers.length - overflows]);
      console.log(`${backend}: loss 5 % asked, ${(100 * (measures.lost_packets ?? 0)) / SENT} % measured`);
      await expectGone(given, active);
    });

    test("loss with correlation: the same share, in bursts", async () => {
      const params = { loss_percent: 10, correlation_percent: 60 };
      await using active = await inject(net.fault(backend, "loss", "b", params));
      const { numbers, overflows } = await net.send("b", "a", SENT);
      expect(overflows).toBe(0);
      const lost = SENT - numbers.length;
      // Correlation c widens the spread of a share by (1 + c) / (1 - c).
      expectShare(lost, 10, 4);
      const arrived = new Set(numbers);
      let bursts = 0;
      for (let i = 0; i < SENT; i++) if (!arrived.has(i) && (i === 0 || arrived.has(i - 1))) bursts++;
      // 1 / ((1 - 0.6) (1 - 0.1)) = 2.78 packets a burst; the standard error of some 216 bursts is 0.15.
      console.log(
        `${backend}: loss 10 % in bursts: ${(100 * lost) / SENT} %, ${lost / bursts} a burst (2.78)`,
      );
      expect(Math.abs(lost / bursts - 2.78)).toBeLessThan(0.6);
      expect((await active.verify()).measures.lost_packets).toBe(lost);
    });

    test("latency with loss: both", async () => {
      const params = { delay_ms: 30, jitter_ms: 5, loss_percent: 10 };
      await using active = await inject(net.fault(backend, "latency", "b", params));
      const { numbers, overflows } = await net.send("b", "a", SENT);
      expectShare(SENT - numbers.length - overflows, 10);
      const { landed, measures } = await active.verify();
      expect(landed).toBe(true);
      expect(measures.lost_packets).toBe(SENT - numbers.length - overflows);
      const { mean_delay_ms } = measures;
      if (mean_delay_ms !== undefined) expect(Math.abs(mean_delay_ms - 30)).toBeLessThan(3);
    });

    test("duplicate: the share asked for arrives twice, right behind each other", async () => {
      const given = net.fault(backend, "duplicate", "b", { duplicate_percent: 20 });
      const active = await inject(given);
      const { numbers, overflows } = await net.send("b", "a", SENT);
      expect(overflows).toBe(0);
      expect(new Set(numbers).size).toBe(SENT);
      expectShare(duplicates(numbers), 20);
      expect(ahead(numbers)).toBe(0);
      const { landed, measures } = await active.verify();
      expect(landed).toBe(true);
      if (backend === "nfqueue") expect(measures.duplicated_packets).toBe(duplicates(numbers));
      console.log(`${backend}: duplicate 20 % asked, ${(100 * duplicates(numbers)) / SENT} % measured`);
      expect((await net.upload("b", "a", 1_000_000)).intact).toBe(true);
      await expectGone(given, active);
    });

    test("corrupt: the receiver's kernel throws away what was touched; TCP repairs it", async () => {
      const given = net.fault(backend, "corrupt", "b", { corrupt_percent: 10 });
      const active = await inject(given);
      const { numbers, badChecksums, badHeaders, overflows } = await net.send("b", "a", SENT);
      expect(overflows).toBe(0);
      const undelivered = SENT - numbers.length;
      expectShare(undelivered, 10);
      // 20 of 92 bytes are the IP header, the rest is under UDP's checksum. What netem did to headers on the sender's own
      // device, the fabric has found already.
      expect(badChecksums).toBeGreaterThan(undelivered / 2);
      if (backend === "nfqueue") expect(badHeaders).toBeGreaterThan(undelivered / 20);
      console.log(
        `${backend}: corrupt 10 % asked, ${(100 * undelivered) / SENT} % not delivered: ` +
          `${badChecksums} bad UDP checksums, ${badHeaders} bad IP headers of ${undelivered}`,
      );
      const { landed, measures } = await active.verify();
      expect(landed).toBe(true);
      if (backend === "nfqueue") expect(measures.corrupted_packets).toBe(undelivered);
      await active.revert();

      await using _ = await inject(net.fault(backend, "corrupt", "b", { corrupt_percent: 2 }));
      expect((await net.upload("b", "a", 1_000_000)).intact).toBe(true);
      await _.revert();
      expect(await net.passing("b", "a")).toBe(1);
      expect(await net.traces()).toEqual([]);
      expect(await revertAll(given.journal)).toEqual([]);
    });

    test("reorder: the share asked for overtakes the others", async () => {
      const given = net.fault(backend, "reorder", "b", { reorder_percent: 25, delay_ms: 20 });
      const active = await inject(given);
      const { numbers, overflows } = await net.send("b", "a", SENT);
      expect([overflows, new Set(numbers).size]).toEqual([0, SENT]);
      const { landed, measures } = await active.verify();
      expect(landed).toBe(true);
      // A pause of the sender longer than the delay leaves nothing to overtake.
      expect(Math.abs(ahead(numbers) - SENT * 0.25)).toBeLessThan(interval(25) + 100);
      if (backend === "nfqueue") expectShare(measures.reordered_packets ?? 0, 25);
      if (measures.mean_delay_ms !== undefined) expect(Math.abs(measures.mean_delay_ms - 20)).toBeLessThan(2);
      console.log(`${backend}: reorder 25 % asked, ${(100 * ahead(numbers)) / SENT} % overtook`);
      await expectGone(given, active);
    });

    test.each([
      [{ direction: "egress" }, { "b a": 0, "b c": 0, "a b": 1, "c b": 1, "a c": 1 }],
      [{ direction: "ingress" }, { "b a": 1, "b c": 1, "a b": 0, "c b": 0, "a c": 1 }],
      [
        { direction: "egress", peer: "a" },
        { "b a": 0, "b c": 1, "a b": 1, "c b": 1 },
      ],
      [
        { direction: "ingress", peer: "a" },
        { "b a": 1, "b c": 1, "a b": 0, "c b": 1 },
      ],
    ] as const)("loss of everything, %p, takes those packets and no others", async (where, expected) => {
      const active = await inject(net.fault(backend, "loss", "b", { loss_percent: 100, ...where }));
      const passed: Record<string, number> = {};
      for (const path of Object.keys(expected)) {
        const [from, to] = path.split(" ") as ["a", "b"];
        passed[path] = await net.passing(from, to);
      }
      expect(passed).toEqual(expected);
      await active.revert();
      expect([await net.passing("b", "a"), await net.passing("a", "b")]).toEqual([1, 1]);
      expect(await net.traces()).toEqual([]);
    });

    test.skipIf(backend === "netem")(
      "the same seed takes the same packets, another takes others",
      async () => {
        const lostWith = async (seed: number): Promise<number[]> => {
          await using _ = await inject(net.fault(backend, "loss", "b", { loss_percent: 30, seed }));
          return (await net.send("b", "a", 1_000)).numbers;
        };
        const first = await lostWith(7);
        expect(await lostWith(7)).toEqual(first);
        expect(await lostWith(8)).not.toEqual(first);
      },
    );

    test.skipIf(backend === "netem")("each segment of a large send has its own fate", async () => {
      const params = { loss_percent: 1, direction: "ingress" } as const;
      await using active = await inject(net.fault(backend, "loss", "b", params));
      expect((await net.upload("a", "b", 3_000_000)).intact).toBe(true);
      // 3 MB are 2072 segments of 1448 bytes, but some 50 GSO packets.
      expect((await active.verify()).measures.packets).toBeGreaterThan(2_000);
    });

    test("a second fault on the same packets is refused and changes nothing", async () => {
      await using _ = await inject(
        net.fault(backend, "loss", "b", { loss_percent: 10, direction: "ingress" }),
      );
      const before = await net.traces();
      const second = net.fault(backend, "duplicate", "b", {
        duplicate_percent: 1,
        direction: "ingress",
        peer: "a",
      });
      await expect(inject(second)).rejects.toMatchObject({ kind: "busy" });
      expect(await net.traces()).toEqual(before);
    });

    test("after SIGKILL of its owner", async () => {
      const given = net.fault(backend, "loss", "b", { loss_percent: 100 });
      const owner = await net.owner(given);
      const worker = workerOf(given.journal);
      expect(await net.passing("b", "a")).toBe(0);
      owner.kill("SIGKILL");
      if (worker) {
        // The worker's end is enough: the rule that is left passes packets on.
        const killed = performance.now();
        await waitFor(() => !isAlive(worker), { what: "the worker to end", timeoutMs: 2_000, intervalMs: 1 });
        expect(performance.now() - killed).toBeLessThan(500);
        expect(await net.passing("b", "a")).toBe(1);
      }
      expect(await revertAll(given.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
      expect(await net.passing("b", "a")).toBe(1);
      expect(await net.traces()).toEqual([]);
    });

    test("undo is fine after the namespaces are gone", async () => {
      const gone = new Fabric(`clpackets-${process.pid}-${backend}-gone`);
      await gone.up();
      const given = {
        ...net.fault(backend, "duplicate", "b", { duplicate_percent: 50, direction: "ingress" }),
        target: gone.target("b"),
      };
      const active = await inject(given);
      const worker = workerOf(given.journal);
      await gone.down();
      expect(await revertAll(given.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
      if (worker) expect(isAlive(worker)).toBe(false);
      expect(await active.revert()).toMatchObject({ t_stop: expect.any(Number), gone: true, remains: null });
    });
  });
}

/**
 * How true the packet-level faults are: delay and jitter, loss, bursts of loss, duplicates, reordering, corruption.
 *
 *   sudo node_modules/.bin/bun bench/packets.ts [packets per figure, default 20000] [--json]
 */
import {
  argument,
  countInterval,
  deviation,
  type Figure,
  finish,
  mean,
  note,
  quantile,
  quiet,
  show,
} from "./kit.ts";
import { Link } from "./link.ts";

const packets = argument(0, 20_000);
const TIMED = 2_000;
await using link = await Link.up("fidelity");

async function delays(): Promise<void> {
  const calm = quantile(await link.delays(TIMED), 0.5);
  const figures: Figure[] = [];
  for (const delay_ms of [1, 5, 20, 100, 200, 1_000]) {
    await using fault = await link.fault("latency", { delay_ms });
    const added = (await link.delays(TIMED)).map((each) => each - calm);
    const off = Math.max(1, 0.02 * delay_ms);
    figures.push({
      what: `${delay_ms} ms (${fault.event.backend})`,
      unit: "ms",
      measured: {
        p50: quantile(added, 0.5),
        p1: quantile(added, 0.01),
        p99: quantile(added, 0.99),
        max: Math.max(...added),
      },
      allowed: [delay_ms - off, delay_ms + off],
    });
  }
  show(`delay: one way, of ${TIMED} datagrams, less the ${calm.toFixed(3)} ms without a fault`, figures);

  const spreads: Figure[] = [];
  for (const [delay_ms, jitter_ms] of [
    [20, 5],
    [50, 25],
    [200, 50],
  ] as const) {
    await using _ = await link.fault("latency", { delay_ms, jitter_ms });
    const added = (await link.delays(TIMED)).map((each) => each - calm);
    const what = `${delay_ms} +/- ${jitter_ms} ms`;
    const [off, unit] = [Math.max(1, 0.02 * delay_ms), "ms"];
    const [low, high] = [Math.min(...added), Math.max(...added)];
    spreads.push(
      {
        what: `${what}: mean`,
        unit,
        measured: { mean: mean(added) },
        allowed: [delay_ms - off, delay_ms + off],
      },
      // A uniform distribution of half width j has the deviation j / sqrt(3); 5 % is two and a half standard errors.
      {
        what: `${what}: spread`,
        unit,
        measured: { deviation: deviation(added) },
        allowed: [0.95, 1.05].map((f) => (f * jitter_ms) / Math.sqrt(3)) as [number, number],
      },
      {
        what: `${what}: lowest`,
        unit,
        measured: { min: low },
        allowed: [delay_ms - jitter_ms - off, delay_ms - jitter_ms * 0.98 + off],
      },
      {
        what: `${what}: highest`,
        unit,
        measured: { p99: quantile(added, 0.99), max: high },
        allowed: [delay_ms + jitter_ms * 0.98 - off, delay_ms + jitter_ms + off],
      },
    );
  }
  show("jitter: uniform around the delay", spreads);
}

/** Numbers of the datagrams that arrive while the fault lasts. The receiver's own losses spoil the figure. */
async function arrivals(
  type: "loss" | "duplicate" | "reorder" | "corrupt",
  params: Record<string, number>,
): Promise<number[]> {
  await using fault = await link.fault(type, params as never);
  const { numbers, overflows } = await link.net.send("b", "a", packets);
  if (overflows > 0) note(`${overflows} datagrams did not fit into the receiver's socket`);
  await fault.revert();
  return numbers;
}
const asShare = (what: string, count: number, percent: number, spread = 1): Figure => ({
  what,
  unit: "%",
  measured: { share: (100 * count) / packets },
  allowed: countInterval(packets, percent, spread).map((each) => (100 * each) / packets) as [number, number],
});

async function losses(): Promise<void> {
  const figures: Figure[] = [];
  for (const loss_percent of [1, 5, 10]) {
    const numbers = await arrivals("loss", { loss_percent });
    figures.push(asShare(`${loss_percent} %`, packets - numbers.length, loss_percent));
  }
  show(`loss: of ${packets} datagrams; allowed is the 99 % interval of the binomial`, figures);

  const bursts: Figure[] = [];
  for (const [loss_percent, correlation_percent] of [
    [5, 50],
    [10, 60],
    [10, 80],
  ] as const) {
    const arrived = new Set(await arrivals("loss", { loss_percent, correlation_percent }));
    const lost = packets - arrived.size;
    let count = 0;
    for (let i = 0; i < packets; i++) if (!arrived.has(i) && (i === 0 || arrived.has(i - 1))) count++;
    const [p, c] = [loss_percent / 100, correlation_percent / 100];
    const what = `${loss_percent} %, correlation ${correlation_percent} %`;
    bursts.push(asShare(`${what}: share`, lost, loss_percent, (1 + c) / (1 - c)));
    // A burst ends after each packet with probability q, so that its length is geometric: mean 1/q, variance (1-q)/q^2.
    const q = (1 - c) * (1 - p);
    const error = (2.576 * Math.sqrt(1 - q)) / q / Math.sqrt(count);
    bursts.push({
      what: `${what}: burst`,
      unit: "packets",
      measured: { mean: lost / count },
      allowed: [1 / q - error, 1 / q + error],
    });
  }
  show("loss in bursts: the same share, and how long a burst is", bursts);
}

/** Datagrams that arrived before one with a lower number. */
function ahead(numbers: readonly number[]): number {
  let lowest = Number.POSITIVE_INFINITY;
  return numbers.toReversed().filter((number) => {
    const overtook = number > lowest;
    lowest = Math.min(lowest, number);
    return overtook;
  }).length;
}

async function others(): Promise<void> {
  const figures: Figure[] = [];
  for (const duplicate_percent of [1, 10]) {
    const numbers = await arrivals("duplicate", { duplicate_percent });
    figures.push(
      asShare(`duplicate ${duplicate_percent} %`, numbers.length - new Set(numbers).size, duplicate_percent),
    );
  }
  for (const reorder_percent of [5, 25]) {
    const numbers = await arrivals("reorder", { reorder_percent, delay_ms: 20 });
    figures.push(
      asShare(`reorder ${reorder_percent} %, delay 20 ms: overtook`, ahead(numbers), reorder_percent),
    );
  }
  for (const corrupt_percent of [1, 10]) {
    const numbers = await arrivals("corrupt", { corrupt_percent });
    figures.push(
      asShare(`corrupt ${corrupt_percent} %: thrown away`, packets - numbers.length, corrupt_percent),
    );
  }
  show(`shares: of ${packets} datagrams; allowed is the 99 % interval of the binomial`, figures);
}

await quiet();
await delays();
await losses();
await others();
finish();

/**
 * The rate that TCP reaches through a bandwidth fault, on the wire, against tc by hand with the same rate.
 *
 *   sudo node_modules/.bin/bun bench/bandwidth.ts [seconds per figure, default 3] [--json]
 */
import { argument, type Figure, finish, quiet, show } from "./kit.ts";
import { Link } from "./link.ts";

const seconds = argument(0, 3);
/** 1448 bytes of data travel in a frame of 1514. */
const FRAME_PER_DATA = 1514 / 1448;

await using link = await Link.up("bandwidth");

/** Mbit/s on the wire of an upload that should take `seconds` at this rate. */
async function rate(mbit: number): Promise<number> {
  const bytes = Math.round((mbit * 1e6 * seconds) / 8);
  const { seconds: took, intact } = await link.net.upload("b", "a", bytes);
  if (!intact) throw new Error("the upload was damaged");
  return (bytes * 8 * FRAME_PER_DATA) / took / 1e6;
}

await quiet();
const figures: Figure[] = [];
for (const mbit of [1, 10, 100, 1_000]) {
  const allowed = [0.9 * mbit, 1.1 * mbit] as const;
  for (const backend of ["tbf", "htb"]) {
    await using _ = await link.fault("bandwidth", { rate_kbit: mbit * 1_000 }, backend);
    figures.push({
      what: `${mbit} Mbit/s (${backend})`,
      unit: "Mbit/s",
      measured: { rate: await rate(mbit) },
      allowed,
    });
  }
  await using _ = await link.tc(
    "tbf",
    "rate",
    `${mbit}mbit`,
    "burst",
    `${Math.max(2_000, mbit * 1_250)}b`,
    "latency",
    "100ms",
  );
  figures.push({
    what: `${mbit} Mbit/s, tc tbf by hand`,
    unit: "Mbit/s",
    measured: { rate: await rate(mbit) },
    allowed: null,
  });
}
figures.push({ what: "no fault", unit: "Mbit/s", measured: { rate: await rate(2_000) }, allowed: null });
show(`bandwidth: one TCP upload of about ${seconds} s, Ethernet headers included`, figures);
finish();

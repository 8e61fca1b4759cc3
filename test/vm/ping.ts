/** What became of a series of pings: the answers are counted where they arrive. @module */
import { exec } from "../../src/lab/exec.ts";
import type { Place } from "../../src/lab/host/topology.ts";
import { inNamespace } from "../../src/lab/netns.ts";
import { lab } from "./machine.ts";

/** Shares from 0 to 1 of the pings sent, times in milliseconds. */
export interface Pings {
  /** Not answered, or not intact: the receiver's kernel drops what has a bad checksum. */
  lost: number;
  duplicated: number;
  /** Answers that came before one to an earlier ping. */
  overtook: number;
  /** Round trips in ascending order. */
  roundTrips: number[];
}

export async function pings(from: Place, to: Place, count = 200, everyMs = 5): Promise<Pings> {
  const { topology } = lab();
  // Lets ping have a socket of its own kind, for which the kernel checks checksums; for a raw one ping does not, and a
  // flipped bit of the time that stands in a packet makes it wait for years.
  const permit = ["tee", "/proc/sys/net/ipv4/ping_group_range"];
  await exec(inNamespace(topology.netns(from), permit), { input: "0 0" });
  const series = ["-c", `${count}`, "-i", `${everyMs / 1000}`, "-W", "2"];
  const argv = ["ping", "-n", ...series, topology.address(to)];
  // Exit code 1: not one answer.
  const { stdout } = await exec(inNamespace(topology.netns(from), argv), { allowFailure: true });
  return parsePings(stdout, count);
}

/** Parses the lines of ping(8), e.g. `64 bytes from 198.18.0.31: icmp_seq=5 ttl=63 time=0.34 ms (DUP!)`. */
function parsePings(output: string, count: number): Pings {
  const answers = output
    .split("\n")
    .map((line) => /icmp_seq=(\d+) ttl=\d+ time=([\d.]+) ms(.*DUP)?/.exec(line))
    .filter((match) => match !== null)
    .map(([, number, time, again]) => ({ number: Number(number), ms: Number(time), again: !!again }));
  const first = answers.filter((each) => !each.again);
  let lowest = Number.POSITIVE_INFINITY;
  const ahead = first.toReversed().filter(({ number }) => {
    const overtook = number > lowest;
    lowest = Math.min(lowest, number);
    return overtook;
  });
  return {
    lost: 1 - first.length / count,
    duplicated: (answers.length - first.length) / count,
    overtook: ahead.length / count,
    roundTrips: first.map(({ ms }) => ms).sort((a, b) => a - b),
  };
}

export const median = (ascending: readonly number[]): number =>
  ascending[Math.floor(ascending.length / 2)] ?? Number.NaN;

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

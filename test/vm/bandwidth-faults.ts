/** Bottlenecks of a database's link, as TCP finds them: the time that half a megabyte takes to or from it. @module */
import assert from "node:assert/strict";
import { exec } from "../../src/lab/exec.ts";
import { databaseUrl } from "../../src/lab/host/nodes.ts";
import type { Place } from "../../src/lab/host/topology.ts";
import { inNamespace } from "../../src/lab/netns.ts";
import type { Check } from "./check.ts";
import { faultCheck } from "./fault-check.ts";
import { lab } from "./machine.ts";
import { qdiscs } from "./packet-faults.ts";

const RATE_KBIT = 2_000;
const BYTES = 500_000;
/** 1448 bytes of data travel in a frame of 1514. */
const FRAMING = 1514 / 1448;

type Database = "pg-primary" | "pg-replica";

/** Rate in kbit/s at which psql, run at a place of the lab, gets the answer to a query, or gets rid of it. */
async function rateOf(from: Place, database: Database, query: string): Promise<number> {
  // Not the psql of the PATH: Debian's is a wrapper that takes a second to find this one.
  const [psql = "psql"] = [...new Bun.Glob("/usr/lib/postgresql/*/bin/psql").scanSync("/")];
  const url = new URL(databaseUrl(lab(), database));
  const env = { PGPASSWORD: url.password };
  url.password = "";
  const argv = inNamespace(lab().topology.netns(from), [psql, "-X", "-q", "-A", "-t", url.href]);
  const input = `\\o /dev/null\n\\timing on\n${query};\n`;
  const { stdout, stderr } = await exec(argv, { input, env });
  const ms = Number(/^Time: ([\d.]+) ms/m.exec(stdout)?.[1]);
  assert.ok(ms > 0, `psql told no time: ${stdout}${stderr}`);
  return ((BYTES * 8) / ms) * FRAMING;
}
const download = (to: Place, database: Database): Promise<number> =>
  rateOf(to, database, `select repeat('x', ${BYTES})`);
const upload = (from: Place, database: Database): Promise<number> =>
  rateOf(from, database, `select length('${"x".repeat(BYTES)}')`);

const bottleneck = {
  // TCP never gets more, and gets less while it finds out how much there is.
  shows: (kbit: number): boolean => kbit > RATE_KBIT * 0.4 && kbit < RATE_KBIT * 1.1,
  clean: (kbit: number): boolean => kbit > RATE_KBIT * 2,
  text: (kbit: number): string => `${(kbit / 1000).toFixed(2)} Mbit/s`,
};
const given = (params: Record<string, unknown>) => ({
  type: "bandwidth" as const,
  target: "pg-primary",
  params: { rate_kbit: RATE_KBIT, ...params },
});
const kernel = (): Promise<string> => qdiscs(lab().topology.namespace("pg-primary"));

export const bandwidthChecks: readonly Check[] = [
  faultCheck({
    ...bottleneck,
    name: "bandwidth by TBF",
    fault: given({}),
    backend: "tbf",
    measure: () => download("orders-1", "pg-primary"),
    spared: () => download("orders-1", "pg-replica"),
    kernel,
    trace: /qdisc tbf .* rate 2Mbit/,
  }),
  faultCheck({
    ...bottleneck,
    name: "bandwidth of what arrives by TBF",
    fault: given({ direction: "ingress" }),
    backend: "tbf",
    measure: () => upload("orders-1", "pg-primary"),
    spared: () => download("orders-1", "pg-primary"),
    kernel: () => qdiscs(lab().topology.fabricNamespace),
    trace: /qdisc tbf .* dev pg-primary .* rate 2Mbit/,
  }),
  faultCheck({
    ...bottleneck,
    name: "bandwidth towards one peer by HTB",
    fault: given({ peer: "orders-1" }),
    backend: "htb",
    measure: () => download("orders-1", "pg-primary"),
    spared: () => download("orders-2", "pg-primary"),
    kernel,
    trace: /qdisc htb/,
  }),
];

/** `chaoslab exporter` */
import { once } from "node:events";
import { formatAddress } from "../cli/address.ts";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { type Flags, listFlag, numberFlag, textFlag } from "../cli/flags.ts";
import { listening } from "../cli/listen.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { findLab } from "../lab/host/lab.ts";
import { databaseUrl } from "../lab/host/nodes.ts";
import { checkLabName, LabPaths } from "../lab/host/record.ts";
import { PORTS } from "../lab/host/topology.ts";
import { labNameOf } from "../lab/ready.ts";
import { FaultSource } from "../observe/exporter/faults.ts";
import { LabSource } from "../observe/exporter/lab.ts";
import { PostgresSource } from "../observe/exporter/postgres.ts";
import { RedisSource } from "../observe/exporter/redis.ts";
import type { Source } from "../observe/exporter/samples.ts";
import { handler } from "../observe/exporter/server.ts";

/** Serves metrics of databases, and of a lab's nodes, until it is told to stop. */
export async function run(_args: string[], flags: Flags): Promise<number> {
  const hostname = textFlag(flags, "host") ?? "127.0.0.1";
  const port = numberFlag(flags, "port", 9187, { min: 0, max: 65_535, integer: true });
  const sources = sourcesOf(flags);
  const signals = abortOnSignals();
  try {
    const at = formatAddress({ host: hostname, port });
    const server = listening("exporter", at, () =>
      Bun.serve({ hostname, port, fetch: handler(sources), reusePort: false, development: false }),
    );
    const where = formatAddress({ host: hostname, port: server.port ?? port });
    process.stderr.write(`exporter: http://${where}/metrics, ${sources.length} sources\n`);
    if (!signals.signal.aborted) await once(signals.signal, "abort");
    await server.stop(true);
    return ExitCode.ok;
  } finally {
    await Promise.all(sources.map((source) => source[Symbol.asyncDispose]()));
    signals.dispose();
  }
}

function sourcesOf(flags: Flags): Source[] {
  const sources: Source[] = [
    ...named(flags, "postgres", ["postgres:", "postgresql:"]).map(
      ([node, url]) => new PostgresSource(node, url),
    ),
    ...named(flags, "redis", ["redis:", "rediss:"]).map(([node, url]) => new RedisSource(node, url)),
  ];
  const name = textFlag(flags, "lab");
  if (name !== undefined) {
    const lab = findLab(checkLabName(name));
    if (!lab) {
      const hint = "chaoslab up boots one; of containers, --faults docker tells the faults";
      throw new ChaoslabError("notFound", `no lab ${name} on this host`, hint);
    }
    sources.push(new LabSource(lab), new FaultSource(lab.paths.journal));
    for (const node of ["pg-primary", "pg-replica"] as const) {
      // The databases' own statistics are told to their superuser alone.
      sources.push(new PostgresSource(node, databaseUrl(lab, node, "postgres")));
    }
    sources.push(new RedisSource("redis", `redis://${lab.topology.address("redis")}:${PORTS.redis}`));
  }
  const faults = textFlag(flags, "faults");
  if (faults !== undefined) sources.push(new FaultSource(new LabPaths(labNameOf(faults)).journal));
  if (sources.length > 0) return sources;
  throw new ChaoslabError(
    "usage",
    "exporter: nothing to tell of",
    "--lab, --faults, --postgres name=url or --redis name=url",
  );
}

/** `name=url` of each such flag. */
function named(flags: Flags, flag: string, protocols: readonly string[]): [string, string][] {
  return listFlag(flags, flag).map((text) => {
    const at = text.indexOf("=");
    const [name, url] = [text.slice(0, at), text.slice(at + 1)];
    const isUrl = URL.canParse(url) && protocols.includes(new URL(url).protocol);
    if (/^[a-z][a-z0-9-]*$/.test(name) && isUrl) return [name, url];
    const example = `${flag}-1=${protocols[0]}//127.0.0.1`;
    throw new ChaoslabError("usage", `--${flag}: ${JSON.stringify(text)} is not name=url, as ${example}`);
  });
}

/**
 * Flags that say what is to be sent, where and how: those of `load` and of `ramp`.
 * @module
 */
import { readFileSync } from "node:fs";
import { type Address, parseAddress } from "../cli/address.ts";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import {
  booleanFlag,
  choiceFlag,
  durationFlag,
  type Flags,
  listFlag,
  numberFlag,
  textFlag,
} from "../cli/flags.ts";
import { readToken } from "../cli/token.ts";
import { DEFAULT_SEEDED } from "../lab/host/record.ts";
import { type Seeded, shopOf } from "../lab/lab.ts";
import { labThatIsThere } from "../lab/ready.ts";
import { ARRIVAL_MODELS } from "../load/arrivals.ts";
import { type Header, headerProblem } from "../load/encode.ts";
import { isLostLabAddress } from "../load/reach.ts";
import { DEFAULT_LIMITS, type LoadOptions, WHOLE } from "../load/run.ts";
import { MAX_SHARDS, parseShard } from "../load/shard.ts";
import { offlineWorkload, type ShopSource, type SingleSource, type Source } from "../load/source.ts";
import { isRate, parseRate, parseStages } from "../load/stages.ts";
import { parseInstant } from "../load/start-at.ts";
import { type LoadThreshold, readThresholds } from "../load/thresholds.ts";
import type { TlsOptions } from "../load/workload.ts";
import type { Shard, Stage } from "../model/load.ts";
import { labFlag } from "./lab-flag.ts";
import { readScenario, readSeed } from "./scenario-flags.ts";

/** What is to be sent: a scenario, the built-in mix, or one request. `args[0]`: a URL, if any. */
export async function readSource(args: readonly string[], flags: Flags): Promise<Source> {
  const scenario = textFlag(flags, "scenario");
  if (scenario !== undefined) {
    const source = readScenario(scenario, args, flags);
    // A sequence that is only printed may be for a lab that is not up.
    const isSent = textFlag(flags, "print-schedule") === undefined;
    if (isSent) for (const { url } of source.targets.values()) requireReach(url);
    return source;
  }
  const mix = textFlag(flags, "mix");
  if (mix !== undefined && mix !== "shop") {
    throw new ChaoslabError("usage", `--mix: ${JSON.stringify(mix)} is not a mix`, "shop is the only one");
  }
  const [text] = args;
  if (text !== undefined && mix === undefined) {
    if (booleanFlag(flags, "check"))
      throw new ChaoslabError("usage", "load: --check goes with the built-in mix alone", "add --mix shop");
    return readSingle(readUrl(text, false), flags);
  }
  if (text !== undefined) return readShop(readUrl(text, true), DEFAULT_SEEDED, flags);
  const name = labFlag(flags);
  const lab = await labThatIsThere(name);
  if (!lab) throw new ChaoslabError("notFound", `load: no URL given and no lab ${name} is up`, "chaoslab up");
  const { api, seeded } = shopOf(lab, "load: the built-in mix");
  return readShop(readUrl(api, true), seeded, flags);
}

function readShop(target: URL, seeded: Seeded, flags: Flags): ShopSource {
  const tenants = numberFlag(flags, "tenants", seeded.tenants, { min: 1, max: 10_000, integer: true });
  return {
    kind: "shop",
    target,
    check: booleanFlag(flags, "check"),
    seed: readSeed(flags),
    reads: numberFlag(flags, "reads", 0.8, { min: 0, max: 1 }),
    tenants,
    orders: numberFlag(flags, "orders", seeded.orders, { min: tenants, max: 10_000_000, integer: true }),
    products: numberFlag(flags, "products", seeded.products, { min: 1, max: 10_000, integer: true }),
  };
}

function readSingle(url: URL, flags: Flags): SingleSource {
  const body = readBody(textFlag(flags, "body"));
  const method = textFlag(flags, "method") ?? (body === null ? "GET" : "POST");
  if (!/^[A-Z]{1,20}$/.test(method)) {
    throw new ChaoslabError(
      "usage",
      `--method: ${JSON.stringify(method)} is not a method`,
      "e.g. GET or PUT",
    );
  }
  const headers = listFlag(flags, "header").map(readHeader);
  return { kind: "single", url, method, headers, body, tls: readTls(flags) };
}

function readHeader(line: string): Header {
  const colon = line.indexOf(":");
  const header = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim()] as const;
  const problem = headerProblem(header);
  if (colon < 1 || problem !== null) {
    throw new ChaoslabError(
      "usage",
      `--header: ${problem ?? `${JSON.stringify(line)} is not 'Name: value'`}`,
    );
  }
  return header;
}

function readBody(text: string | undefined): Uint8Array | null {
  if (text === undefined) return null;
  return text.startsWith("@") ? readBytes("--body", text.slice(1)) : Buffer.from(text);
}

function readTls(flags: Flags): Partial<Omit<TlsOptions, "serverName">> {
  const ca = textFlag(flags, "ca");
  return {
    verify: !booleanFlag(flags, "insecure"),
    ca: ca === undefined ? null : readBytes("--ca", ca).toString("utf8"),
  };
}

function readBytes(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "no such file" : reasonOf(error);
    throw new ChaoslabError("usage", `${flag}: ${file}: ${why}`);
  }
}

/** @param bare the URL is a place to put paths after: plain http, without a query. */
function readUrl(text: string, bare: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const scheme = url?.protocol === "http:" || (url?.protocol === "https:" && !bare);
  if (url === null || !scheme || url.username || url.password || url.hash || (bare && url.search)) {
    const accepted = bare
      ? "http://host:port, perhaps with a path"
      : "http:// or https://, host, port and path";
    throw new ChaoslabError("usage", `load: not a target: ${text}`, `give ${accepted}`);
  }
  requireReach(url);
  return url;
}

/** @throws ChaoslabError `notFound` when the host is an address of a lab that is not up. */
export function requireReach(url: URL): void {
  if (!isLostLabAddress(url.hostname, readFileSync("/proc/net/route", "utf8"))) return;
  throw new ChaoslabError(
    "notFound",
    `load: no lab is up at ${url.hostname}`,
    "chaoslab status shows the labs",
  );
}

/** The rate over time: `--stages`, or `--rate` for `--for`. */
export function readStages(flags: Flags): Stage[] {
  const text = textFlag(flags, "stages");
  if (text !== undefined) {
    const stages = parseStages(text);
    if (stages && textFlag(flags, "rate") === undefined && textFlag(flags, "for") === undefined)
      return stages;
    const why = stages
      ? "takes the place of --rate and --for"
      : `${JSON.stringify(text)} is not a list of stages`;
    throw new ChaoslabError("usage", `--stages: ${why}`, "e.g. '500 for 30s, 500..2000 for 1m'");
  }
  const rate = textFlag(flags, "rate") ?? "100";
  const stage = parseRate(rate, durationFlag(flags, "for", 10_000, 1) / 1_000);
  if (stage === null || !isRate(rate)) {
    throw new ChaoslabError(
      "usage",
      `--rate: ${JSON.stringify(rate)} is not a number from 0.001 to 1000000, nor two such as 100..2000`,
    );
  }
  return [stage];
}

/** Which part of the load this process sends. */
function readShard(flags: Flags): Shard {
  const text = textFlag(flags, "shard");
  const shard = text === undefined ? WHOLE : parseShard(text);
  if (shard) return shard;
  throw new ChaoslabError(
    "usage",
    `--shard: ${JSON.stringify(text)} is not one`,
    `1/3 to 3/3, of at most ${MAX_SHARDS}`,
  );
}

const MAX_AHEAD_MS = 24 * 3_600_000;

/** Unix epoch milliseconds to start at; null: at once. `now` is the same. */
function readStartAt(flags: Flags, now: number): number | null {
  const text = textFlag(flags, "start-at");
  if (text === undefined) return null;
  const at = parseInstant(text);
  if (at === null) {
    const hint = "an RFC 3339 time such as 2030-01-31T12:00:00Z, or Unix milliseconds";
    throw new ChaoslabError("usage", `--start-at: ${JSON.stringify(text)} is not an instant`, hint);
  }
  const told = `${new Date(at).toISOString()}, and it is ${new Date(now).toISOString()} here`;
  if (at <= now) throw new ChaoslabError("usage", `--start-at: in the past: ${told}`);
  if (at - now > MAX_AHEAD_MS) throw new ChaoslabError("usage", `--start-at: more than a day ahead: ${told}`);
  return at;
}

/** How many processes share the load. */
export function readWorkers(flags: Flags, limits: { maxConnections: number; maxInFlight: number }): number {
  const workers = numberFlag(flags, "workers", 1, { min: 1, max: 256, integer: true });
  for (const [name, value] of [
    ["connections", limits.maxConnections],
    ["max-in-flight", limits.maxInFlight],
  ] as const) {
    if (value >= workers) continue;
    throw new ChaoslabError(
      "usage",
      `--workers: ${workers} cannot share --${name} ${value}`,
      "one each is the least",
    );
  }
  return workers;
}

/** Everything of a load but the workload. */
export function readLimits(flags: Flags): Omit<LoadOptions, "workload" | "stages"> {
  return {
    arrivals: choiceFlag(flags, "arrivals", ARRIVAL_MODELS, "poisson"),
    seed: readSeed(flags),
    timeoutMs: durationFlag(flags, "timeout", 5_000, 1),
    maxConnections: numberFlag(flags, "connections", 1_000, { min: 1, max: 60_000, integer: true }),
    maxInFlight: numberFlag(flags, "max-in-flight", 100_000, { min: 1, max: 10_000_000, integer: true }),
    shard: readShard(flags),
    startAt: readStartAt(flags, Date.now()),
    limits: {
      slip_p99_ms: durationFlag(flags, "slip-limit", DEFAULT_LIMITS.slip_p99_ms, 0),
      dropped_share: numberFlag(flags, "drop-limit", DEFAULT_LIMITS.dropped_share, { min: 0, max: 1 }),
    },
  };
}

/** The thresholds of `--threshold`, and those that the workload brings along. */
export function readLoadThresholds(source: Source, flags: Flags): LoadThreshold[] {
  const { operations, slos } = offlineWorkload(source);
  const own = booleanFlag(flags, "without-slo") ? [] : slos;
  return readThresholds([...listFlag(flags, "threshold"), ...own], operations);
}

/** Where `--metrics` serves them: `[host:]port`, and the token needed there; null: nowhere. */
export function readMetrics(flags: Flags): { address: Address; token: string | null } | null {
  const text = textFlag(flags, "metrics");
  if (text === undefined) return null;
  const address = parseAddress(text.includes(":") ? text : `:${text}`);
  if (typeof address === "string") {
    const given = JSON.stringify(text);
    throw new ChaoslabError("usage", `--metrics: ${given}: ${address}`, "e.g. 9464 or 127.0.0.1:9464");
  }
  const host = address.host || "127.0.0.1";
  return { address: { ...address, host }, token: readToken(flags, "metrics", host) };
}

import { expect, test } from "bun:test";
import { randomBelow } from "../../src/load/random.ts";
import { startToxiproxy } from "../../src/toxiproxy/server.ts";

const SEED = 20_240_501;
const REQUESTS = 1_500;

/** A source of choices, each a function of the seed and how many were made before. */
function chooser(seed: number) {
  let drawn = 0;
  return <T>(values: readonly T[]): T => {
    const value = values[randomBelow(values.length, seed, drawn++, 1)];
    if (value === undefined) throw new Error("nothing to choose from");
    return value;
  };
}

type Pick = ReturnType<typeof chooser>;

const WORDS = [
  "p",
  "q",
  "",
  "latency",
  "slicer",
  "__proto__",
  "constructor",
  "a/b",
  "\u0000",
  "é".repeat(300),
  "upstream",
];
const ADDRESSES = [
  "127.0.0.1:0",
  "localhost:0",
  ":0",
  "",
  "127.0.0.1:1",
  "x",
  "[::1]:0",
  "[::1",
  "127.0.0.1:99999",
  "127.0.0.1:-1",
  "a b:1",
  "127.0.0.1:0:0",
  "999.1.1.1:0",
  "127.0.0.1:1e3",
];
const NUMBERS = [0, 1, -1, 0.5, 1e308, 2 ** 53, -(2 ** 63), 1e-9, 100];
const TYPES = [
  "latency",
  "bandwidth",
  "slow_close",
  "timeout",
  "reset_peer",
  "slicer",
  "limit_data",
  "noop",
  "",
];
const KEYS = [
  "name",
  "Name",
  "listen",
  "upstream",
  "enabled",
  "type",
  "stream",
  "toxicity",
  "attributes",
  "rate",
  "latency",
  "__proto__",
];

function anything(pick: Pick, depth = 0): unknown {
  const kind = pick([
    "word",
    "address",
    "number",
    "bool",
    "null",
    "type",
    ...(depth < 4 ? ["list", "object"] : []),
  ]);
  if (kind === "word") return pick(WORDS);
  if (kind === "address") return pick(ADDRESSES);
  if (kind === "number") return pick(NUMBERS);
  if (kind === "bool") return pick([true, false]);
  if (kind === "type") return pick(TYPES);
  if (kind === "list") return Array.from({ length: pick([0, 1, 3]) }, () => anything(pick, depth + 1));
  if (kind === "object") {
    return Object.fromEntries(
      Array.from({ length: pick([0, 1, 4]) }, () => [pick(KEYS), anything(pick, depth + 1)]),
    );
  }
  return null;
}

/** Nearly right, so that it gets past the first check. */
function plausible(pick: Pick): unknown {
  const attributes = Object.fromEntries(
    ["latency", "jitter", "rate", "delay", "timeout", "bytes", "average_size", "size_variation"].map(
      (name) => [name, pick(NUMBERS)],
    ),
  );
  return {
    name: pick(["p", "q", pick(WORDS)]),
    listen: pick(ADDRESSES),
    upstream: pick(["127.0.0.1:9", "localhost:9", pick(ADDRESSES)]),
    type: pick(TYPES),
    stream: pick(["upstream", "downstream", "", "both"]),
    toxicity: pick(NUMBERS),
    attributes: pick([attributes, {}, anything(pick)]),
    enabled: pick([true, false, null, 1]),
    ...(pick([true, false]) ? { [pick(KEYS)]: anything(pick) } : {}),
  };
}

function body(pick: Pick): string {
  const value = pick([plausible, anything, () => [plausible(pick), plausible(pick)]])(pick);
  const text = JSON.stringify(value);
  const broken = pick([false, false, false, true]);
  return broken
    ? text.slice(0, Math.floor(text.length / pick([2, 3, 1.1]))) + pick(["", "}", "\0", "1e999", "\ud800"])
    : text;
}

function path(pick: Pick): string {
  const name = encodeURIComponent(pick(WORDS));
  const toxic = encodeURIComponent(pick([...WORDS, "latency_downstream", "slicer_upstream"]));
  return pick([
    "/proxies",
    "/proxies",
    "/populate",
    `/proxies/${name}`,
    `/proxies/${name}/toxics`,
    `/proxies/${name}/toxics`,
    `/proxies/${name}/toxics/${toxic}`,
    "/reset",
    "/version",
    "/metrics",
    `/${name}`,
    "/proxies/%",
    "/proxies/%ff/toxics",
  ]);
}

test(`${REQUESTS} random requests: no 5xx, every refusal has its body, and the server lives`, async () => {
  const server = await startToxiproxy({ host: "127.0.0.1", port: 0, seed: 1 });
  const pick = chooser(SEED);
  const seen = new Map<number, number>();
  try {
    for (let i = 0; i < REQUESTS; i++) {
      const method = pick(["POST", "POST", "POST", "POST", "PATCH", "PUT", "GET", "DELETE"]);
      const sent = method === "GET" ? {} : { body: body(pick) };
      const where = path(pick);
      const response = await fetch(server.url + where, { method, ...sent });
      const text = await response.text();
      const what = `${i}: ${method} ${where} ${JSON.stringify(sent)} -> ${response.status} ${text}`;
      if (response.status >= 500) throw new Error(what);
      if (response.status >= 400) expect(JSON.parse(text), what).toMatchObject({ status: response.status });
      seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
    }
    // It got beyond the first checks: everything that can be answered, was.
    expect([...seen.keys()].sort()).toEqual([200, 201, 204, 400, 404, 405, 409]);
    expect((await fetch(`${server.url}/version`)).status).toBe(200);
  } finally {
    await server.stop();
  }
}, 60_000);

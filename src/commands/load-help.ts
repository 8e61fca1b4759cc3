/** Rows of `--help` that several commands share. Imports nothing: the command table is read at every start. @module */

/** What is sent, and where. */
export const SOURCE_FLAGS = [
  ["--mix <name>", "shop: the built-in mix of the system under test, on the URL given or on the lab's api"],
  ["--scenario <file>", "The requests of a scenario file; flags that are given win over its own defaults"],
  ["--target <name=url>", "Scenario: base URL of a target, instead of the file's; may be given again"],
  ["--lab <name>", "Lab to drive when no URL is given (default: lab)"],
  ["--method <name>", "Method of the one request (default: GET, with a body POST)"],
  ["--header <line>", "Header of the one request, e.g. 'Accept: text/html'; may be given again"],
  ["--body <text>", "Body of the one request; @file takes it from a file"],
  ["--insecure", "https: take any certificate"],
  ["--ca <file>", "https: trust these certificates (PEM) besides the system's"],
  ["--seed <n>", "Seed of the request sequence (default: 1)"],
  ["--reads <share>", "Mix: share of GET /orders/{id}, 0 to 1 (default: 0.8)"],
  ["--tenants <n>", "Mix: number of tenants (default: 20)"],
  ["--orders <n>", "Mix: orders seeded in the system, read at random (default: 10000)"],
  ["--products <n>", "Mix: products seeded in the system (default: 1000)"],
] as const;

/** How it is sent. */
export const LIMIT_FLAGS = [
  ["--arrivals <model>", "poisson or constant (default: poisson)"],
  ["--timeout <duration>", "Give a request up after this, from its intended send time (default: 5s)"],
  ["--connections <n>", "Most connections per target (default: 1000)"],
  ["--max-in-flight <n>", "Most requests sent or waiting per target; one more is dropped (default: 100000)"],
  ["--slip-limit <duration>", "Slip p99 above which the generator counts as saturated (default: 50ms)"],
  ["--drop-limit <share>", "Share of dropped requests above which it does, 0 to 1 (default: 0)"],
] as const;

/** How the load is shared among processes and hosts. */
export const SHARE_FLAGS = [
  ["--workers <n>", "Processes that share the load, its connections and its limits (default: 1)"],
  [
    "--shard <i/n>",
    "Send part i of n of the load only, e.g. 1/3; `chaoslab merge` puts the results together",
  ],
  ["--start-at <time>", "Start then: RFC 3339 or Unix milliseconds, at most a day ahead"],
] as const;

export const HGRM_FLAG = [
  "--hgrm <dir>",
  "Write the distributions there as HdrHistogram's .hgrm, in milliseconds",
] as const;

export const HGRM_DETAILS = `Distributions
  --hgrm: latency and service time of each operation and of all together, slip of all together, a file each. The
  StdDeviation in them is computed from the centres of the histogram's buckets, the mean from exact sums.`;

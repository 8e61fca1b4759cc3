/** Rows of `--help` that several commands share. Imports nothing: the command table is read at every start. @module */

/** What is sent, and where. */
export const SOURCE_FLAGS = [
  ["--mix <name>", "shop: the built-in mix of the system under test, on the URL given or on the lab's api"],
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

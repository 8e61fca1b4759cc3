import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSchedule } from "../experiment/schedule-file.ts";
import { parseLabFile } from "../lab/attached/file.ts";
import { specsOf } from "../model/schedule.ts";
import type { NodeFacts } from "./facts.ts";
import { KINDS, squeezedMib } from "./library.ts";
import { makeSuite, type Suite } from "./suite.ts";
import { suiteText } from "./text.ts";

const LAB = `name: shop
nodes:
  web: { container: web }
  app: { container: app }
  jobs: { container: jobs }
  db: { container: db, volume: /data }
dependencies:
  web: [app]
  app: [db]
  jobs: [db]
load: { scenario: scenario.yaml, rate: 100, timeout_s: 5 }
needs: { home: [web], "read: it": [web, app, db] }
`;

const SCENARIO = `name: shop
targets: { shop: http://10.0.0.2 }
operations:
  - { name: home, method: GET, path: / }
  - { name: GET it, method: GET, path: /it, weight: 3 }
`;

const folder = mkdtempSync(join(tmpdir(), "chaoslab-suite-"));
writeFileSync(join(folder, "scenario.yaml"), SCENARIO);
afterAll(() => rmSync(folder, { recursive: true }));

const CAN: NodeFacts = { ownNetwork: true, ownGroup: true, memoryMib: 100, ownVolume: true, restarts: true };
const OPERATIONS = [
  { name: "home", weight: 1 },
  { name: "GET it", weight: 3 },
];

interface Given {
  lab?: string;
  facts?: Record<string, Partial<NodeFacts>>;
  only?: string[];
}

function made({ lab = LAB, facts = {}, only }: Given = {}): { suite: Suite; text: string } {
  const file = parseLabFile(lab.replace("read: it", "GET it"), "lab.yaml");
  const nodes = Object.keys(file.nodes).map((name) => [name, { ...CAN, ...facts[name] }] as const);
  const suite = makeSuite({
    file,
    facts: new Map(nodes),
    operations: OPERATIONS,
    timeoutS: 5,
    only: only ?? null,
  });
  const paths = { lab: "lab.yaml", schedule: "s.yaml", scenario: "scenario.yaml" };
  return { suite, text: suiteText(suite, file.load ?? { scenario: "", rate: 1, timeout_s: 5 }, paths) };
}

const read = (text: string) => parseSchedule(text, join(folder, "s.yaml"));
const namesOf = ({ groups }: Suite) => groups.flatMap(({ hypotheses }) => hypotheses.map(({ name }) => name));
const leftOutOf = ({ groups }: Suite) => groups.flatMap(({ leftOut }) => leftOut);

test("each dependency gets what is about the way, each node that is called what is about it, once", () => {
  const { suite } = made();
  const way = ["slow", "very-slow", "lossy", "partitioned"];
  const node = ["hung", "dead", "starved", "squeezed", "full", "skewed"];
  expect(namesOf(suite)).toEqual([
    ...way.map((kind) => `web-app-${kind}`),
    ...way.map((kind) => `app-db-${kind}`),
    ...way.map((kind) => `jobs-db-${kind}`),
    "web-dead",
    ...node.map((kind) => `app-${kind}`),
    "jobs-dead",
    ...node.map((kind) => `db-${kind}`),
  ]);
  expect(suite.groups.map(({ id }) => id)).toEqual(["E1", "E2", "E3", "E4", "E5", "E6", "E7"]);
  expect(KINDS).toEqual([...way, ...node]);
});

test("its text is a schedule, and the same every time", () => {
  const { suite, text } = made();
  expect(made().text).toBe(text);
  const schedule = read(text);
  expect(schedule.hypotheses.map(({ name }) => name)).toEqual(namesOf(suite));
  expect(schedule.hypotheses.every(({ expect: expected }) => expected === undefined)).toBe(true);
  expect(Object.keys(schedule.slos)).toEqual([
    "home_error_rate",
    "home_p99",
    "get_it_error_rate",
    "get_it_p99",
  ]);
  for (const line of text.split("\n").filter((each) => !/[{"]/.test(each)))
    expect(line.length).toBeLessThanOrEqual(120);
});

test("a fault of a dependency is on what is called, for that caller alone, and past every user's patience", () => {
  const { hypotheses } = read(made().text);
  const faults = (name: string) => hypotheses.filter((each) => each.name === name).flatMap(specsOf);
  expect(faults("app-db-very-slow")).toEqual([
    { type: "latency", target: "db", params: { delay_ms: 6_000, peer: "app" } },
  ]);
  expect(faults("db-squeezed")).toEqual([{ type: "memory", target: "db", params: { limit_mib: 64 } }]);
});

test("what an operation does not need must not take it along", () => {
  const { hypotheses } = read(made().text);
  const of = (name: string) => hypotheses.find((each) => each.name === name);
  expect(of("app-db-slow")).toMatchObject({
    sli: "get_it_p99",
    blast_radius: ["GET it"],
    stop_condition: { sli: "home_error_rate", threshold: "> 5 %", for_s: 5 },
  });
  // Both need web: nothing stands by, and every operation may suffer.
  expect(of("web-dead")?.blast_radius).toBeUndefined();
  // Neither needs jobs: nothing may suffer.
  expect(of("jobs-db-slow")?.blast_radius).toEqual([]);
});

test.each<[string, Given, string[], string]>([
  [
    "the host's own network",
    { facts: { db: { ownNetwork: false } } },
    [
      "app-db-slow",
      "app-db-very-slow",
      "app-db-lossy",
      "app-db-partitioned",
      "jobs-db-slow",
      "jobs-db-very-slow",
      "jobs-db-lossy",
      "jobs-db-partitioned",
    ],
    "db has the host's own network",
  ],
  [
    "a caller in the host's own network",
    { facts: { jobs: { ownNetwork: false } } },
    ["jobs-db-slow", "jobs-db-very-slow", "jobs-db-lossy", "jobs-db-partitioned"],
    "jobs has the host's own network",
  ],
  [
    "no cgroup to itself",
    { facts: { app: { ownGroup: false, memoryMib: null } } },
    ["app-starved", "app-squeezed"],
    "app has no cgroup to itself",
  ],
  [
    "nobody to start it again",
    { facts: { db: { restarts: false } } },
    ["db-dead", "db-squeezed"],
    "nothing starts db again",
  ],
  ["no volume", { facts: { db: { ownVolume: false } } }, ["db-full"], "no volume of db is named"],
  ["next to no memory", { facts: { db: { memoryMib: 3 } } }, ["db-squeezed"], "db holds next to no memory"],
])("a node with %s: what it cannot take is left out, and said", (_, given, names, why) => {
  const { suite, text } = made(given);
  expect(leftOutOf(suite).map(({ name }) => name)).toEqual(names);
  for (const { name, why: said } of leftOutOf(suite)) {
    expect(said).toStartWith(why);
    expect(namesOf(suite)).not.toContain(name);
    expect(text).toContain(`# ${name} is left out: `);
  }
  read(text);
});

test("only some kinds", () => {
  const { suite, text } = made({ only: ["slow", "dead"] });
  expect(namesOf(suite)).toEqual([
    "web-app-slow",
    "app-db-slow",
    "jobs-db-slow",
    "web-dead",
    "app-dead",
    "jobs-dead",
    "db-dead",
  ]);
  read(text);
});

test("names too long for a hypothesis, or twice the same, are told apart by a check sum", () => {
  const long = "a-very-long-name-of-a-service-of-ours-x1";
  const lab = LAB.replaceAll("jobs", long)
    .replace(
      "web: { container: web }",
      "web-app: { container: x }\n  db-slow: { container: y }\n  web: { container: web }",
    )
    .replace("  web: [app]", "  web: [app]\n  web-app: [db]");
  const { suite, text } = made({ lab });
  const names = namesOf(suite);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => /^a-very-long.*-[0-9a-f]{8}-slow$/.test(name))).toHaveLength(1);
  read(text);
});

test("objectives of the lab's file stand for themselves", () => {
  const own = `slis:
  reads: { operation: GET it, measure: availability }
slos:
  reads: { steady: ">= 99.9 %", fault: ">= 99 %" }
`;
  const { text } = made({ lab: `${LAB}${own}` });
  const { slos, hypotheses } = read(text);
  expect(slos).toEqual({ reads: { steady: ">= 99.9 %", fault: ">= 99 %" } });
  expect(hypotheses.every(({ sli }) => sli === "reads")).toBe(true);
  expect(text).not.toContain("Defaults, which nobody");
});

test.each([
  [null, null],
  [3.9, null],
  [4, 3],
  [100, 64],
  [128, 96],
  [6_000, 4_096],
])("of %p MiB a node is left %p", (memoryMib, limit) => {
  expect(squeezedMib({ memoryMib })).toBe(limit);
});

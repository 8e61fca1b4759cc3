// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how a scenario writes a variable.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChaoslabError, ExitCode } from "../../cli/errors.ts";
import { seeded } from "../../model/random.ts";
import { parseScenario, targetsOf } from "./file.ts";
import { compileScenario } from "./workload.ts";

const FOLDER = new URL("../../../schedules/scenarios/", import.meta.url);
const SHOP = readFileSync(new URL("shop.yaml", FOLDER), "utf8");

/** The one line that a wrong scenario is refused with. */
function refusal(source: string): string {
  try {
    parseScenario(source, "s.yaml");
  } catch (error) {
    if (!(error instanceof ChaoslabError)) throw error;
    expect(error.exitCode).toBe(ExitCode.badConfig);
    expect(error.oneLine).not.toContain("\n");
    return error.oneLine;
  }
  throw new Error("the scenario was accepted");
}

const BASE = `name: base
targets:
  one: http://127.0.0.1:1
variables:
  n: { int: { min: 1, max: 9 } }
setup:
  - name: sign in
    method: POST
    path: /token
    capture:
      token: { json: token }
operations:
  - name: read
    method: GET
    path: /things/\${n}
    headers:
      Authorization: Bearer \${token}
  - name: write
    method: POST
    path: /things
    json: { n: "\${n}" }
    capture:
      id: { json: id }
load:
  rate: 10
`;

test("every committed scenario is accepted", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".yaml"));
  expect(files).toContain("shop.yaml");
  for (const file of files) {
    expect(parseScenario(readFileSync(new URL(file, FOLDER), "utf8"), file).name).toBeString();
  }
  expect(parseScenario(BASE, "base.yaml").operations).toHaveLength(2);
});

describe("is refused at its place, with what is accepted:", () => {
  test.each([
    // What the schema says.
    ["a misspelt key", "method: GET", "metod: GET", "14:5: operations.0.metod", "did you mean method?"],
    ["a key of another kind", "load:", "sloe: 1\nload:", "24:1: sloe", "accepted here: name"],
    ["a method in lower case", "method: GET", "method: get", "14:5: operations.0.method", "such as GET"],
    ["a path without /", "path: /token", "path: token", "9:5: setup.0.path", "begins with /"],
    ["a variable's name", "  n: {", "  N-1: {", "5:3: variables.N-1", "lower-case letters"],
    [
      "a status",
      "method: GET",
      "method: GET\n    expect: { status: 2x }",
      "15:15: operations.0.expect.status",
      "200 or 2xx",
    ],
    [
      "a negative weight",
      "method: GET",
      "method: GET\n    weight: -1",
      "15:5: operations.0.weight",
      "greater than 0",
    ],
    ["a colon in a name", "name: read", 'name: "a: b"', "13:5: operations.0.name", "without a colon"],
    [
      "no operations",
      BASE.slice(BASE.indexOf("  - name: read"), BASE.indexOf("load:")),
      "  []\n",
      "12:1: operations",
      "length",
    ],
    // What it cannot.
    ["a target that is no URL", "http://127.0.0.1:1", "127.0.0.1:1", "3:3: targets.one", "https://"],
    ["a target with a query", "127.0.0.1:1", "127.0.0.1:1/?a=b", "3:3: targets.one", "https://"],
    [
      "an unknown target",
      "method: GET",
      "target: ome\n    method: GET",
      "14:5: operations.0.target",
      "did you mean one?",
    ],
    [
      "no choice among targets",
      "variables:",
      "  two: http://b\nvariables:",
      "8:5: setup.0",
      "target: is missing; one of one, two",
    ],
    [
      "TLS of a plain target",
      "variables:",
      "tls: { one: { insecure: true } }\nvariables:",
      "4:8: tls.one",
      "not https",
    ],
    [
      "TLS of no target",
      "variables:",
      "tls: { ones: { insecure: true } }\nvariables:",
      "4:8: tls.ones",
      "did you mean one?",
    ],
    [
      "tenants twice over",
      "variables:",
      "tenants: { count: 2, names: [a] }\nvariables:",
      "4:12: tenants.count",
      "one of them",
    ],
    [
      "a tenant twice",
      "variables:",
      "tenants: { names: [a, a] }\nvariables:",
      "4:23: tenants.names.1",
      "twice",
    ],
    ["a range upside down", "max: 9", "max: 0", "5:23: variables.n.int.max", "less than min"],
    ["a variable of two kinds", "max: 9 }", "max: 9 }, uuid: true", "5:3: variables.n", "int and uuid"],
    ["a variable of no kind", "{ int: { min: 1, max: 9 } }", "{}", "5:3: variables.n", "no kind"],
    [
      "weights that do not fit",
      "{ int: { min: 1, max: 9 } }",
      "{ choice: [a, b], weights: [1] }",
      "5:24: variables.n.weights",
      "1 weights for 2",
    ],
    ["a built-in name", "  n: {", "  index: {", "5:3: variables.index", "built in"],
    [
      "an unknown variable",
      "${n}",
      "${m}",
      "15:5: operations.0.path",
      "there are index, tenant, n, token, id",
    ],
    [
      "a misspelt variable",
      "Bearer ${token}",
      "Bearer ${tokn}",
      "17:7: operations.0.headers.Authorization",
      "did you mean token?",
    ],
    ["an open variable", "${n}\n", "${n\n", "15:5: operations.0.path", "no closing }"],
    [
      "a variable that could be empty",
      "/things/${n}",
      "/things/${id}",
      "15:5: operations.0.path",
      "could be empty",
    ],
    [
      "a variable before its capture",
      "path: /token",
      "path: /${token}",
      "9:5: setup.0.path",
      "could be empty",
    ],
    [
      "one deep in a JSON body",
      '{ n: "${n}" }',
      '{ a: [1, { b: "${id}" }] }',
      "21:22: operations.1.json.a.1.b",
      "could be empty",
    ],
    ["a path with a space", "path: /token", "path: /a token", "9:5: setup.0.path", "percent-encoded"],
    [
      "a header of the client's own",
      "Authorization:",
      "Content-Length:",
      "17:7: operations.0.headers.Content-Length",
      "set by the client",
    ],
    [
      "a header that is not ASCII",
      "Bearer ",
      "Bärer ",
      "17:7: operations.0.headers.Authorization",
      "not ASCII",
    ],
    ["two bodies", "json: {", "body: x\n    json: {", "22:5: operations.1.json", "one of them"],
    [
      "a capture from two places",
      "{ json: id }",
      "{ json: id, header: id }",
      "23:7: operations.1.capture.id",
      "one of json and header",
    ],
    [
      "a capture named like a variable",
      "id: { json: id }",
      "n: { json: id }",
      "23:7: operations.1.capture.n",
      "name of a variable",
    ],
    [
      "the body of an answer to HEAD",
      "method: GET",
      "method: HEAD\n    expect: { body_contains: x }",
      "15:15: operations.0.expect.body_contains",
      "no body",
    ],
    ["an operation twice", "name: write", "name: read", "18:5: operations.1.name", "twice"],
    [
      "a threshold without a bound",
      "method: GET",
      'method: GET\n    slo: ["p99 250 ms"]',
      "15:11: operations.0.slo.0",
      "p99 < 250 ms",
    ],
    [
      "a threshold for no duration",
      "method: GET",
      "method: GET\n    slo: [p99 < 1 s, p99 < 2 ms for ever]",
      "15:22: operations.0.slo.1",
      "for 5s",
    ],
    [
      "a threshold on what no operation has of its own",
      "method: GET",
      "method: GET\n    slo: [rate > 99 %]",
      "15:11: operations.0.slo.0",
      "of the whole load",
    ],
    ["a rate", "rate: 10", "rate: fast", "25:3: load.rate", "100..2000"],
    ["a duration", "rate: 10", "for: 10", "25:3: load.for", "10"],
    [
      "stages beside a rate",
      "rate: 10",
      "rate: 10\n  stages: 1 for 1s",
      "26:3: load.stages",
      "takes the place of rate",
    ],
    ["a number that JSON has not", '"${n}"', ".nan", "21:13: operations.1.json.n", "NaN"],
    ["an alias inside what it repeats", '{ n: "${n}" }', "&a [*a]", "12:1: operations", "too deeply"],
  ])("%s", (_, from, to, place, says) => {
    expect(BASE).toContain(from);
    const line = refusal(BASE.replace(from, () => to));
    expect(line).toContain(`s.yaml:${place}: `);
    expect(line).toContain(says);
  });
});

test("a header is refused for what a variable in it may hold", () => {
  const source = BASE.replace("{ int: { min: 1, max: 9 } }", "{ choice: [a, ä] }").replace(
    "Bearer ${token}",
    "${n}",
  );
  expect(refusal(source)).toContain('operations.0.headers.Authorization: "ä" has a character');
});

test("TLS trust is per target, and certificates are looked for beside the scenario", () => {
  const folder = mkdtempSync(join(tmpdir(), "scenario-"));
  try {
    writeFileSync(join(folder, "ca.pem"), "PEM");
    const file = join(folder, "s.yaml");
    const source = (ca: string): string => `name: tls
targets: { a: "https://a", b: "https://b", c: "http://c" }
tls: { a: { ca: ${ca} }, b: { insecure: true } }
operations: [{ name: x, target: a, method: GET, path: / }]`;
    const targets = targetsOf(parseScenario(source("ca.pem"), file), file, new Map());
    expect([...targets.values()].map(({ origin }) => origin.tls)).toEqual([
      { serverName: "a", ca: "PEM", verify: true },
      { serverName: "b", ca: null, verify: false },
      null,
    ]);
    const none = parseScenario(source("none.pem"), file);
    expect(() => targetsOf(none, file, new Map())).toThrow("tls.a.ca");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each(["", "42", "- a", "null", "[".repeat(20_000)])("%.10p is no scenario", (source) => {
  expect(refusal(source)).toMatch(/^s\.yaml:1:\d+: /);
});

test("whatever is done to a scenario, it is accepted and works, or is refused in one line", () => {
  const random = seeded(7);
  const below = (count: number): number => Math.floor(random() * count);
  const lines = SHOP.split("\n");
  const bits = [
    "${",
    "}",
    ":",
    "- ",
    "[",
    "]",
    "{",
    "&a ",
    "*a",
    "!!set ",
    "\t",
    "0",
    "-1",
    "1e999",
    "~",
    "ä",
    "\u0000",
    "'",
    '"',
    "__proto__",
    "<<: ",
    "constructor",
  ];
  const mutate = (text: string): string => {
    const at = below(text.length);
    const line = lines[below(lines.length)] ?? "";
    switch (below(5)) {
      case 0:
        return text.slice(0, at) + text.slice(at + 1 + below(12));
      case 1:
        return text.slice(0, at) + (bits[below(bits.length)] ?? "") + text.slice(at);
      case 2:
        return text.replace(line, () => lines[below(lines.length)] ?? "");
      case 3:
        return text.replace(line, () => "");
      default:
        // One word for another.
        return text.replace(/\w+/g, (word) => (below(120) === 0 ? (bits[below(bits.length)] ?? "") : word));
    }
  };
  let accepted = 0;
  const refused = new Set<string>();
  for (let round = 0; round < 600; round++) {
    let text = SHOP;
    for (let i = below(3); i >= 0; i--) text = mutate(text);
    try {
      const scenario = parseScenario(text, "s.yaml");
      const { workload } = compileScenario(scenario, targetsOf(scenario, "s.yaml", new Map()), round);
      for (let index = 0; index < 20; index++) {
        expect(Buffer.from(workload.request(index).payload).toString()).toMatch(
          /^[A-Z]+ \/\S* HTTP\/1\.1\r\n/,
        );
        expect(workload.columns(index).join("")).not.toMatch(/[\t\n]/);
      }
      accepted++;
    } catch (error) {
      if (!(error instanceof ChaoslabError)) throw new Error(`${error}\n${text}`, { cause: error });
      expect(error.oneLine).toMatch(/^s\.yaml:\d+:\d+: /);
      refused.add(error.oneLine.replace(/\d+/g, ""));
    }
  }
  expect(accepted).toBeGreaterThan(30);
  expect(refused.size).toBeGreaterThan(50);
}, 60_000);

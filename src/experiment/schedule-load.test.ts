import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { blastRadiusOf, operationsOf } from "../model/schedule.ts";
import { loadSchedule, parseSchedule } from "./schedule-file.ts";
import { besideScenario } from "./schedule-load.ts";

const folder = mkdtempSync(join(tmpdir(), "chaoslab-load-"));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const SCENARIO = `name: site
targets: { web: http://127.0.0.1:1 }
tenants: { names: [acme, umbrella] }
operations:
  - { name: home page, method: GET, path: /, weight: 3 }
  - { name: "search, all", method: GET, path: /search }
`;
write("site.yaml", SCENARIO);

const LOAD = "load: { scenario: site.yaml, rate: 100, timeout_s: 2 } # as it is asked";
const SCHEDULE = `name: site
seed: 1
${LOAD}
slis:
  home_p99: { operation: home page, measure: p99 }
slos:
  home_p99: { steady: "< 250 ms", fault: "< 1 s" }
hypotheses:
  - name: slow
    sli: home_p99
    steady_state: "< 250 ms"
    slo_threshold: "< 1 s"
    fault: { type: latency, target: payments, params: { delay_ms: 200 } }
    window_s: 30
`;
const SHOP_LOAD = "load: { rate: 100, reads: 0.8, tenants: 20, timeout_s: 5 }";

const parse = (source: string) => parseSchedule(source, join(folder, "s.yaml"));

/** The one line that a wrong schedule is refused with. */
function refusal(source: string): string {
  try {
    parse(source);
  } catch (error) {
    if (!(error instanceof ChaoslabError)) throw error;
    expect(error.exitCode).toBe(ExitCode.badConfig);
    expect(error.oneLine).not.toContain("\n");
    return error.oneLine.replaceAll(`${relative(".", folder)}/`, "").replaceAll(`${folder}/`, "");
  }
  throw new Error("the schedule was accepted");
}

test("a scenario brings its operations, their shares, and its tenants", () => {
  const { load, slis } = parse(SCHEDULE);
  expect(load).toEqual({
    rate: 100,
    timeout_s: 2,
    scenario: {
      name: "site",
      path: join(folder, "site.yaml"),
      source: SCENARIO,
      operations: ["home page", "search, all"],
      shares: { "home page": 0.75, "search, all": 0.25 },
      tenants: ["acme", "umbrella"],
    },
  });
  expect(operationsOf(load)).toEqual(["home page", "search, all"]);
  // The built-in SLIs are the shop's.
  expect(slis).toEqual({ home_p99: { source: "load", operation: "home page", measure: "p99", unit: "ms" } });
});

test("without a blast radius, a fault may take every operation of a scenario along", () => {
  const schedule = parse(SCHEDULE);
  const [hypothesis] = schedule.hypotheses;
  if (!hypothesis) throw new Error("no hypothesis");
  expect(blastRadiusOf(hypothesis, schedule)).toEqual(["home page", "search, all"]);
  expect(blastRadiusOf({ ...hypothesis, blast_radius: ["home page"] }, schedule)).toEqual(["home page"]);
  const shop = parse(SCHEDULE.replace(LOAD, SHOP_LOAD).replace("home page", "POST /orders"));
  expect(shop.load.scenario).toBeNull();
  expect(blastRadiusOf(hypothesis, shop)).toEqual(["POST /orders"]);
});

test("a name that the shop has built in is free for a scenario", () => {
  const { slis } = parse(SCHEDULE.replaceAll("home_p99", "write_p99"));
  expect(slis.write_p99).toMatchObject({ operation: "home page" });
});

test.each([
  [
    "fields of both kinds",
    [LOAD, LOAD.replace("{ ", "{ reads: 0.8, ")],
    "s.yaml:3:9: load.reads: does not go with scenario; accepted here: scenario, rate, timeout_s",
  ],
  [
    "a misspelt field of a scenario's load",
    [LOAD, LOAD.replace("timeout_s", "timeout")],
    "load.timeout: unknown field (did you mean timeout_s?); accepted here: rate, reads, tenants, timeout_s; or scenario, rate, timeout_s",
  ],
  [
    "a misspelt scenario",
    [LOAD, LOAD.replace("scenario", "scenari")],
    "load.scenari: unknown field (did you mean scenario?)",
  ],
  ["neither kind", [LOAD, "load: { rate: 100, timeout_s: 5 }"], "s.yaml:3:1: load.reads: is missing"],
  ["a scenario without a rate", [LOAD, LOAD.replace("rate: 100, ", "")], "load.rate: is missing"],
  ["a scenario that is no path", [LOAD, LOAD.replace("site.yaml", "7")], "load.scenario: 7"],
  [
    "a scenario that is not there",
    [LOAD, LOAD.replace("site.yaml", "none.yaml")],
    "s.yaml:3:9: load.scenario: none.yaml: no such file",
  ],
  ["no load at all", [`${LOAD}\n`, ""], "load: is missing"],
  [
    "an SLI on no operation",
    ["home page, measure", "home pag, measure"],
    's.yaml:5:15: slis.home_p99.operation: "home pag" is not accepted (did you mean home page?); one of home page, search, all',
  ],
  [
    "an operation of the shop",
    ["home page, measure", "POST /orders, measure"],
    '"POST /orders" is not accepted; one of home page, search, all',
  ],
  [
    "a blast radius of no operation",
    ["    window_s: 30", "    window_s: 30\n    blast_radius: [home page, GET /]"],
    's.yaml:15:31: hypotheses.0.blast_radius.1: "GET /" is not accepted; one of home page, search, all',
  ],
  [
    "a built-in SLI of the shop",
    ["sli: home_p99", "sli: write_p99"],
    'hypotheses.0.sli: "write_p99" is no SLI; one of home_p99, or declare it in slis',
  ],
  [
    "an SLI where none is declared",
    ["slis:\n  home_p99: { operation: home page, measure: p99 }\n", ""],
    'slos.home_p99: "home_p99" is no SLI; declare it in slis',
  ],
] as const)("%s: refused by line and field", (_, [from, to], says) => {
  expect(SCHEDULE).toContain(from);
  expect(refusal(SCHEDULE.replace(from, to))).toContain(says);
});

test("the shop's operations are the only ones of its schedules", () => {
  const shop = SCHEDULE.replace(LOAD, SHOP_LOAD);
  expect(refusal(shop)).toContain(
    'slis.home_p99.operation: "home page" is not accepted; one of GET /orders/{id}, POST /orders',
  );
});

test("a wrong scenario is refused with its own place", () => {
  write("wrong.yaml", SCENARIO.replace("weight: 3", "weight: 0"));
  expect(refusal(SCHEDULE.replace("site.yaml", "wrong.yaml"))).toMatch(
    /^wrong\.yaml:5:\d+: operations\.0\.weight: /,
  );
});

test("hypotheses of another system are not taken along", () => {
  const including = (file: string): string =>
    SCHEDULE.replace("hypotheses:", `include: [${file}]\nhypotheses:`);
  write("other.yaml", SCHEDULE.replace("site.yaml", "other-site.yaml").replace("name: slow", "name: other"));
  write("other-site.yaml", SCENARIO.replace("search, all", "log in"));
  expect(parse(including("other.yaml")).hypotheses.map(({ name }) => name)).toEqual(["slow", "other"]);
  const login = SCHEDULE.replace("site.yaml", "other-site.yaml").replace(
    "name: slow",
    "name: login\n    blast_radius: [log in]",
  );
  write("login.yaml", login);
  expect(refusal(including("login.yaml"))).toBe(
    's.yaml:8:11: include.0: login.yaml names the operation "log in", and this load has home page, search, all',
  );
  write(
    "shop.yaml",
    SCHEDULE.replace(LOAD, SHOP_LOAD).replace("home page", "POST /orders").replaceAll("home_p99", "own_p99"),
  );
  expect(refusal(including("shop.yaml"))).toContain("include.0: shop.yaml has the shop's mix as its load");
});

test("the text that is kept names the scenario beside it, and is the same otherwise", () => {
  const { source, schedule } = loadSchedule(write("s.yaml", SCHEDULE));
  expect(source).toBe(SCHEDULE.replace("site.yaml", "scenario.yaml"));
  expect(schedule.load.scenario?.path).toBe(join(folder, "site.yaml"));
  for (const text of ['"site.yaml"', "'site.yaml'"])
    expect(besideScenario(SCHEDULE.replace("site.yaml", text))).toBe(source);
  const folded = "load:\n  scenario: >-\n    site.yaml\n  rate: 100\n  timeout_s: 2\n";
  expect(besideScenario(SCHEDULE.replace(LOAD, folded))).toContain("scenario: scenario.yaml");
});

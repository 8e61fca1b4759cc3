import { expect, test } from "bun:test";
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";
import { parseExposition, parseValue, type Sample } from "./exposition.ts";

const only = (line: string): Sample => {
  const [sample, ...more] = parseExposition(line);
  if (!sample || more.length > 0) throw new Error("not one sample");
  return sample;
};

test("the example of the format's own documentation", () => {
  const text = String.raw`# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

http_request_duration_seconds_bucket{le="+Inf"} 144320
rpc_duration_seconds{quantile="0.01"} 3102
`;
  expect(parseExposition(text)).toEqual([
    { name: "http_requests_total", labels: { method: "post", code: "200" }, value: 1027 },
    { name: "http_requests_total", labels: { method: "post", code: "400" }, value: 3 },
    {
      name: "msdos_file_access_time_seconds",
      labels: { path: "C:\\DIR\\FILE.TXT", error: 'Cannot find file:\n"FILE.TXT"' },
      value: 1.458255915e9,
    },
    { name: "metric_without_timestamp_and_labels", labels: {}, value: 12.47 },
    { name: "something_weird", labels: { problem: "division by zero" }, value: Number.POSITIVE_INFINITY },
    { name: "http_request_duration_seconds_bucket", labels: { le: "+Inf" }, value: 144_320 },
    { name: "rpc_duration_seconds", labels: { quantile: "0.01" }, value: 3102 },
  ]);
});

test.each([
  ["a 1", {}, 1],
  ["\ta\t 1 \t", {}, 1],
  ["a{} 1", {}, 1],
  ['a {b="c" , d = "e" , } -2.5e-3', { b: "c", d: "e" }, -2.5e-3],
  ['a{b="}"}3', { b: "}" }, 3],
  ['a{b="x,y=\\"z\\""} 4', { b: 'x,y="z"' }, 4],
  ['a{b="\\\\n"} 5', { b: "\\n" }, 5],
  ['a{b=""} 6', { b: "" }, 6],
  ['a{b="line\u2028separator"} 7\r', { b: "line\u2028separator" }, 7],
  ['a{__proto__="x"} 8', JSON.parse('{"__proto__":"x"}'), 8],
])("%j", (line, labels, value) => {
  const sample = only(line);
  expect(Object.entries(sample.labels)).toEqual(Object.entries(labels));
  expect(sample).toMatchObject({ name: "a", value });
});

test.each([
  ["a", "not a sample"],
  ["a1", "not a sample"],
  ["1a 2", "not a sample"],
  ["a 1 2 3", "not a sample"],
  ["<!doctype html>", "not a sample"],
  ["a one", "one is not a number"],
  ['a{b="c} 1', "its labels are malformed"],
  ['a{b="c" d="e"} 1', "its labels are malformed"],
  ["a{b=c} 1", "its labels are malformed"],
  ['a{0="c"} 1', "its labels are malformed"],
])("%j is told by its line", (line, reason) => {
  const text = `# HELP ok That is fine.\nok 1\n${line}\nok 2\n`;
  expect(() => parseExposition(text)).toThrow(`metrics: line 3: ${reason}: ${JSON.stringify(line)}`);
});

test.each([
  ["+Inf", Number.POSITIVE_INFINITY],
  ["-Inf", Number.NEGATIVE_INFINITY],
  ["NaN", Number.NaN],
  ["+1", 1],
  [".5", 0.5],
  ["1e+06", 1e6],
  ["", null],
  ["1,5", null],
  ["Infinite", null],
])("the value %j", (text, value) => {
  expect(parseValue(text)).toBe(value);
});

test("what prom-client writes is read in full, and fast", async () => {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const registers = [register];
  const requests = new Counter({
    name: "requests_total",
    help: 'A "help".',
    labelNames: ["route"],
    registers,
  });
  const seconds = new Histogram({ name: "seconds", help: "Seconds.", labelNames: ["route"], registers });
  for (let route = 0; route < 20; route++) {
    requests.inc({ route: `/orders/"${route}"\n` }, route);
    seconds.observe({ route: `/orders/${route}` }, route / 10);
  }
  const text = await register.metrics();
  expect(text.length).toBeGreaterThan(20_000);
  const samples = parseExposition(text);
  expect(samples.length).toBe(text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length);
  expect(samples).toContainEqual({ name: "requests_total", labels: { route: '/orders/"7"\n' }, value: 7 });

  const times = Array.from({ length: 30 }, () => {
    const started = performance.now();
    parseExposition(text);
    return performance.now() - started;
  });
  expect(Math.min(...times)).toBeLessThan(2);
});

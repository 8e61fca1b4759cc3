import { expect, test } from "bun:test";
import { parseExposition } from "./exposition.ts";
import { isNamed, parseSelector, type Selector, select } from "./selector.ts";

const SAMPLES = parseExposition(`
requests_total{route="/orders",status="200"} 1
requests_total{route="/orders",status="503"} 2
requests_total{route="/products",status="200"} 3
requests_total{route="/orders/{id}",status="504"} 4
requests_total 5
up 6
job:up:sum 7
`);

const read = (text: string): Selector => {
  const selector = parseSelector(text);
  if (typeof selector === "string") throw new Error(selector);
  return selector;
};

test.each([
  ["requests_total", [1, 2, 3, 4, 5]],
  ["requests_total{}", [1, 2, 3, 4, 5]],
  ['requests_total{route="/orders"}', [1, 2]],
  ["requests_total{route='/orders', status!=\"200\", }", [2]],
  ['requests_total{status=~"5.."}', [2, 4]],
  ['requests_total{route=~"/orders"}', [1, 2]],
  ['requests_total{route=~"/orders|/products"}', [1, 2, 3]],
  ['requests_total{route=~"orders"}', []],
  ['requests_total{status!~"5.."}', [1, 3, 5]],
  ['requests_total{route=""}', [5]],
  ['requests_total{constructor=""}', [1, 2, 3, 4, 5]],
  ['requests_total{route=~"/orders/\\\\{id\\\\}"}', [4]],
  ["requests_total{route=~`/orders/\\{id\\}`}", [4]],
  ['requests_total{route=~"(?i)/ORDERS"}', [1, 2]],
  ['requests_total{status=~"5..",status!="503"}', [4]],
  [" up ", [6]],
  ["job:up:sum", [7]],
  ['{__name__=~"(job:)?up.*"}', [6, 7]],
  ["gone", []],
])("%s", (text, values) => {
  expect(select(SAMPLES, read(text)).map(({ value }) => value)).toEqual(values);
});

test("a metric is known by its name, whatever its labels", () => {
  const selector = read('requests_total{status="599"}');
  expect(select(SAMPLES, selector)).toEqual([]);
  expect(SAMPLES.filter((sample) => isNamed(sample, selector))).toHaveLength(5);
});

test.each([
  ["", "column 1: a metric's name is missing"],
  ["{}", "column 3: a metric's name is missing"],
  ["1a", "column 1: a metric's name is missing"],
  ["a{", "column 3: a label's name is missing"],
  ["a{,}", "column 3: a label's name is missing"],
  ['a{b="c",,}', "column 9: a label's name is missing"],
  ["a{b}", "column 4: one of = != =~ !~ is missing"],
  ["a{b=c}", "column 5: a quoted value is missing"],
  ['a{b="c}', "column 5: a quoted value is missing"],
  ['a{b="c"', "column 8: a comma or } is missing"],
  ['a{b="c" d="e"}', "column 9: a comma or } is missing"],
  ['a{b=~"("}', 'column 6: "(" is not a regular expression'],
  ['a{b=~"x)(y"}', 'column 6: "x)(y" is not a regular expression'],
  ['a{b=~"\\d"}', "column 7: \\d is no escape here"],
  ["a[5m]", "column 2: nothing may follow the selector"],
  ["rate(a[5m])", "column 5: nothing may follow the selector"],
  ["a > 1", "column 3: nothing may follow the selector"],
])("%s is no selector", (text, reason) => {
  const problem = parseSelector(text);
  expect(problem).toBeString();
  expect(String(problem)).toStartWith(reason);
  expect(String(problem)).not.toContain("\n");
});

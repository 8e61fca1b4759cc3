import { describe, expect, test } from "bun:test";
import { fitBlock } from "../cli/block.ts";
import type { OutcomeCounts } from "../model/load.ts";
import type { FollowedTick } from "./counts.ts";
import { bucketOf } from "./histogram.ts";
import { LiveView, sparkline } from "./live.ts";

const SIX = [
  "GET /orders/{id}",
  "POST /orders",
  "GET /a/path/that/goes/on/and/on/and/on/{id}",
  "PUT /cart",
  "DELETE /cart/{item}",
  "GET /healthz",
];

function view(operations = SIX): LiveView {
  const stages = [{ duration_s: 20, from: 100, to: 300 }];
  return new LiveView({
    stages,
    operations,
    timeoutMs: 5_000,
    limits: { slip_p99_ms: 50, dropped_share: 0 },
  });
}

function tick(
  n: number,
  more: Partial<FollowedTick> = {},
  outcomes: OutcomeCounts = { "2xx": 20 },
): FollowedTick {
  return {
    kind: "tick",
    tick: n,
    due: n * 120,
    sent: n * 120,
    late: 0,
    in_flight: 12,
    slip_max_ms: 0.2,
    slip: [bucketOf(100), 120],
    deltas: SIX.map((operation) => ({ operation, outcomes, latency: [bucketOf(5_000), 20] })),
    ...more,
  };
}

const textOf = (shown: LiveView, columns = 100, rows = 30): string[] =>
  shown.lines({ columns, rows }).map(({ text }) => text);

describe("the live view", () => {
  test("tells rates, time left, and each endpoint's latency and errors", () => {
    const shown = view();
    expect(shown.lines({ columns: 100, rows: 30 })).toEqual([]);
    for (let n = 1; n <= 5; n++) shown.tick(tick(n, {}, { "2xx": 18, "5xx": 2, timeout: n === 5 ? 3 : 0 }));
    const lines = textOf(shown);
    expect(lines[0]).toBe("145 rps asked  120 sent  138 done  12 in flight");
    expect(lines[1]).toBe(`5 s  [${"#".repeat(10)}${"-".repeat(30)}]  15 s left`);
    expect(lines[2]).toMatch(/^last 5 s +rps +p50 +p99 +p99\.9 ms +errors$/);
    // Three of 103 had no answer: the p99 is the timeout, at least.
    expect(lines[4]).toMatch(/^POST \/orders +21 +5\.\d+ +>=5000 +>=5000 +5xx 10, timeout 3$/);
    expect(lines).toHaveLength(2 + 1 + SIX.length + 2);
    expect(lines.at(-2)).toMatch(/^p99 +▂▂▂▂█ +at most 5000 ms$/);
    expect(lines.at(-1)).toMatch(/^errors [▂-█]{5} +at most 30\/s$/);
  });

  test("numbers are of the last seconds: what is over is gone", () => {
    const shown = view();
    shown.tick(tick(1, {}, { "5xx": 20 }));
    for (let n = 2; n <= 5; n++) shown.tick(tick(n));
    expect(textOf(shown).join("\n")).toContain("5xx 20");
    shown.tick(tick(6));
    expect(textOf(shown).join("\n")).not.toContain("5xx");
  });

  test.each([60, 80, 120])("fits %d columns with six endpoints and every number in sight", (columns) => {
    const shown = view();
    shown.tick(tick(1, {}, { "2xx": 4, "5xx": 2, timeout: 1, refused: 3 }));
    const lines = shown.lines({ columns, rows: 24 });
    const cut = fitBlock(lines, { columns, rows: 24 });
    for (const { text } of cut) expect(Bun.stringWidth(text)).toBeLessThan(columns);
    for (const { text } of cut.slice(3, 9)) expect(text).toMatch(/ 10 +5\.\d+ +>=5000 +>=5000 +refused/);
  });

  test("a low terminal shows as many endpoints as there is room for", () => {
    const shown = view();
    shown.tick(tick(1));
    const lines = textOf(shown, 80, 10);
    expect(lines).toHaveLength(9);
    expect(lines.some((line) => line === "and 3 more")).toBeTrue();
  });

  test("warns of slip and of a saturated generator", () => {
    const shown = view();
    shown.tick(tick(1, { slip_max_ms: 80, slip: [bucketOf(80_000), 120] }));
    expect(textOf(shown).slice(-2)).toEqual([
      expect.stringMatching(/^generator saturated: slip p99 80\.\d ms, 0 dropped$/),
      "slip 80.0 ms: requests leave late",
    ]);
    const calm = view();
    calm.tick(tick(1));
    expect(textOf(calm).join("\n")).not.toContain("saturated");
  });

  test("says what it waits for when all is sent", () => {
    const shown = view();
    shown.tick(tick(21));
    expect(textOf(shown)[1]).toBe("21 s  all sent, waiting for 12 on their way");
  });
});

test.each<[(number | null)[], string]>([
  [[], ""],
  [[0, 0], "▁▁"],
  [[0, 1, 4, 8], "▁▂▅█"],
  [[1, null, 1_000], "▂ █"],
])("a sparkline of %j", (values, expected) => {
  expect(sparkline(values)).toBe(expected);
});

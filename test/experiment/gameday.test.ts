/** The quick game day against its committed baseline, as a CI job runs it. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listRuns } from "../../src/experiment/store.ts";
import { chaoslab, hostPicture } from "../support.ts";

const LIMIT_MS = 10 * 60_000;
const out = mkdtempSync(join(tmpdir(), "chaoslab-gameday-"));
const before = await hostPicture();
afterAll(() => rmSync(out, { recursive: true, force: true }));

test(
  "no verdict is worse than in the baseline, within ten minutes",
  async () => {
    const started = performance.now();
    const junit = join(out, "gate.xml");
    const baseline = "schedules/baselines/gameday-quick.json";
    const flags = [
      "--against",
      baseline,
      "--retries",
      "1",
      "--lab",
      "t-gameday",
      "--out",
      out,
      "--junit",
      junit,
    ];
    const { code, stdout, stderr } = await chaoslab([
      "gate",
      "schedules/gameday-quick.yaml",
      ...flags,
      "--quiet",
    ]);
    expect({ code, stdout, stderr }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("gate: passed"),
    });
    expect(performance.now() - started).toBeLessThan(LIMIT_MS);
    expect(readFileSync(junit, "utf8")).toContain("<testsuite");
  },
  LIMIT_MS,
);

test("what was mitigated lost no order and no money, and the bare system was not let through", () => {
  const verdicts = listRuns(out).flatMap((run) => run.verdicts);
  const violated = verdicts.flatMap(({ hypothesis, integrity }) =>
    (integrity?.outcomes ?? [])
      .filter(({ state }) => state === "violated" && hypothesis.endsWith("-mitigated"))
      .map(({ invariant }) => `${hypothesis}: ${invariant}`),
  );
  expect(violated).toEqual([]);
  const bare = verdicts.filter(({ hypothesis }) => hypothesis === "payments-refuses-bare");
  expect(bare.length).toBeGreaterThan(0);
  for (const { result } of bare) expect(["degraded", "failed", "inconclusive"]).toContain(result);
});

test("afterwards the host is as it was", async () => {
  expect(await hostPicture()).toEqual(before);
});

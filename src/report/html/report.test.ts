import { expect, test } from "bun:test";
import { runReport } from "./pages.ts";
import { healingOf, ranked } from "./recovery.ts";
import { runDocument } from "./synthetic-run.ts";

const withoutScripts = (page: string): string =>
  page.replace(/<script[^>]*>[\s\S]*?<\/script>/g, "").replace(/<style>[\s\S]*?<\/style>/, "");

test("the verdict comes first, and every table is there without a script", () => {
  const { run, drawings } = runDocument([{ name: "one", failed: 30 }]);
  const page = withoutScripts(runReport(run, drawings));
  const order = [
    "Verdicts",
    "detected after",
    "<caption>SLIs",
    'data-kind="latency"',
    "blast radius: each SLI",
    "Evidence",
    "Environment",
    "chaoslab run schedule.yaml",
  ];
  const places = order.map((text) => page.indexOf(text, page.indexOf("<main>")));
  expect(places.every((place) => place > 0)).toBeTrue();
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(page).toContain('<span aria-hidden="true">~</span> degraded');
});

test("of one trial everything is unfolded; of several each is a link away, slowest recovery first", () => {
  const one = runDocument([{ name: "one" }]);
  expect(runReport(one.run, one.drawings)).toContain('<details class="trial" id="run.one" open>');
  const { run, drawings } = runDocument([
    { name: "quick", failed: 30, recoverS: 2 },
    { name: "absorbed" },
    { name: "slow", failed: 30, recoverS: 9 },
    { name: "lost", failed: 30, recoverS: 99 },
  ]);
  const page = runReport(run, drawings);
  expect(page).toContain('<details class="trial" id="run.slow">');
  expect(page).toContain('<a href="#run.slow">');
  const recovery = page.slice(page.indexOf('<h2 id="recovery">'));
  const rows = [...recovery.matchAll(/<tr><th scope="row">(\d+)<\/th><td[^>]*><a href="#run\.(\w+)">/g)];
  expect(rows.map(([, rank, name]) => `${rank} ${name}`)).toEqual([
    "1 lost",
    "2 slow",
    "3 quick",
    "4 absorbed",
  ]);
  expect(recovery).toContain("did not come back");
});

test("ranking leaves out what had no fault, and of what is inconclusive says nothing", () => {
  const { run } = runDocument([{ name: "a", failed: 30, recoverS: 3 }, { name: "b" }]);
  const [a, b] = run.document.verdicts;
  if (!a || !b) throw new Error("two trials have two verdicts");
  const doubtful = { ...a, result: "inconclusive" as const };
  const calm = { ...b, fault_events: [] };
  expect([a, b, { ...a, mttr_s: null }, doubtful, calm].map(healingOf)).toEqual([
    "healed",
    "absorbed",
    "did not come back",
    "inconclusive",
    null,
  ]);
  expect(
    ranked([{ verdict: doubtful }, { verdict: b }, { verdict: calm }, { verdict: a }]).map(
      ({ verdict }) => verdict,
    ),
  ).toEqual([a, b, doubtful]);
});

test("trials of the same faults under other mitigations are laid over each other", () => {
  const { run, drawings } = runDocument([
    { name: "bare", failed: 30 },
    { name: "mitigated", mitigations: ["timeout"] },
  ]);
  const page = runReport(run, drawings);
  expect(page).toContain("bare -&gt; mitigated: degraded -&gt; held, better");
  expect(page.match(/data-kind="overlay-latency"/g)).toHaveLength(2);
  expect(page).toContain('"pairs":[[0,1]]');
});

test("hostile texts stay texts", () => {
  const hostile = `</script><script>alert("x")</script><img src=x onerror=alert(1)>`;
  const { run, drawings } = runDocument([{ name: "one", failed: 30 }]);
  const [verdict] = run.document.verdicts;
  if (!verdict) throw new Error("a trial has a verdict");
  const changed = {
    ...verdict,
    reasons: [hostile],
    backend: hostile,
    fault_events: verdict.fault_events.map((event) => ({
      ...event,
      target: hostile,
      params: { [hostile]: hostile },
    })),
  };
  const document = { ...run.document, run: hostile, verdicts: [changed] };
  const [drawing] = drawings.values();
  if (!drawing) throw new Error("a trial has a drawing");
  const named = { ...drawing, curves: { ...drawing.curves, name: hostile } };
  const page = runReport(
    { ...run, document, source: hostile, schedule: { ...run.schedule, description: hostile } },
    new Map([["one", named]]),
  );
  // The data and the code: as many scripts as ever.
  expect(page.match(/<script/gi)).toHaveLength(2);
  expect(page.match(/<\/script/gi)).toHaveLength(2);
  expect(withoutScripts(page)).not.toContain("<img");
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "";
  expect(JSON.parse(data).trials[0].name).toBe(hostile);
});

test("a trial whose record is gone is shown without curves, and says so", () => {
  const { run } = runDocument([{ name: "one" }]);
  const page = withoutScripts(runReport(run, new Map()));
  expect(page).toContain("There are no curves");
  expect(page).not.toContain("<figure");
});

test("a run that was cut off says so, before its first verdict too", () => {
  const { run, drawings } = runDocument([{ name: "one" }]);
  const document = { ...run.document, state: "aborted" as const };
  for (const verdicts of [document.verdicts, []])
    expect(runReport({ ...run, document: { ...document, verdicts } }, drawings)).toContain(
      "This run was not completed: aborted.",
    );
});

/** The HTML report of a run, in a browser that reaches nothing: made by the binary from a kept record. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { RunFolder } from "../../src/experiment/store.ts";
import { faultEvent, LOAD_START, records, scrape, within } from "../../src/experiment/synthetic.ts";
import type { HistoryRecord } from "../../src/model/history.ts";
import { runDocument } from "../../src/report/html/synthetic-run.ts";
import { chaoslab } from "../support.ts";
import { launch } from "./browser.ts";

setDefaultTimeout(60_000);

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-report-"));
/** As long as a run in full windows: five minutes. */
const LONG = { baseline: [5, 65], fault: [65, 185], recovery: [185, 305] } as const;
const NAMES = ["payments-200ms-bare", "payments-200ms-mitigated"] as const;
let browser: Browser;
let folder: string;

/** A pool that fills while the fault is there, and its queue. */
const pool = (second: number): HistoryRecord =>
  scrape(second, "orders-1", {
    'chaoslab_pool_size{pool="workers"}': 16,
    'chaoslab_pool_in_use{pool="workers"}': within(second, LONG.fault) ? 16 : 5,
    'chaoslab_pool_waiting{pool="workers"}': within(second, LONG.fault) ? 40 : 0,
  });

beforeAll(async () => {
  const { run } = runDocument(NAMES.map((name) => ({ name })));
  const kept = new RunFolder(scratch, "run");
  folder = kept.path;
  kept.writeSchedule(readFileSync(new URL("../../schedules/cascade.yaml", import.meta.url), "utf8"));
  for (const [i, name] of NAMES.entries()) {
    using history = kept.history(name);
    const all = records({
      phases: LONG,
      events: [{ ...faultEvent, t_start: LOAD_START + 65_200, t_stop: LOAD_START + 184_900 }],
      tenants: 20,
      shape: (second, operation, tenant) =>
        i === 0 && operation === "POST /orders" && within(second, [LONG.fault[0], LONG.fault[1] + 8])
          ? { ms: 800 + 10 * tenant, failed: tenant, requests: 40 }
          : { ms: 20 + (second % 7), requests: 40 },
      more: [
        { kind: "system", mitigations: i === 0 ? [] : ["timeout"] },
        ...Array.from({ length: LONG.recovery[1] }, (_, second) => pool(second)),
      ],
    });
    for (const record of all) history.append(record);
  }
  kept.writeDocument({ ...run.document, verdicts: [] });
  const { code, stderr } = await chaoslab(["verdict", folder, "--write"]);
  if (code !== 0) throw new Error(stderr);
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  rmSync(scratch, { recursive: true, force: true });
});

interface Opened extends AsyncDisposable {
  page: Page;
  /** What the page complained about, and what it asked for besides itself. */
  errors: string[];
  asked: string[];
}

async function open(file: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  const asked: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  return { page, errors, asked, [Symbol.asyncDispose]: () => context.close() };
}

const report = (): string => join(folder, "report.html");
const canvases = (page: Page): Promise<number> => page.locator("figure.chart canvas").count();

test("two trials of five minutes are less than 2 MB, and open fast", async () => {
  expect(statSync(report()).size).toBeLessThan(2_000_000);
  await using opened = await open(report());
  const loadedMs = await opened.page.evaluate(
    "performance.timing.loadEventEnd - performance.timing.navigationStart",
  );
  console.log(`two trials of five minutes: ${statSync(report()).size} bytes, loaded in ${loadedMs} ms`);
  expect(loadedMs).toBeLessThan(3_000);
});

test("nothing is asked for but the file, and nothing goes wrong", async () => {
  await using opened = await open(report());
  await opened.page.getByRole("button", { name: "Unfold all" }).click();
  const charts = await opened.page.locator("figure.chart").all();
  expect(charts.length).toBeGreaterThan(20);
  for (const chart of charts) {
    await chart.scrollIntoViewIfNeeded();
    await chart.locator("canvas").waitFor();
  }
  expect(opened.errors).toEqual([]);
  expect(opened.asked.filter((url) => !url.startsWith("file:") && !url.startsWith("data:"))).toEqual([]);
  expect(opened.asked.filter((url) => url.startsWith("file:"))).toHaveLength(1);
});

test("a chart is drawn once it is seen, with ink on it", async () => {
  await using opened = await open(report());
  const { page } = opened;
  const before = await canvases(page);
  await page.locator("nav").getByRole("link", { name: NAMES[0] }).click();
  const chart = page.locator(`details.trial[open] figure[data-kind="latency"]`).first();
  await chart.locator("canvas").waitFor();
  expect(await canvases(page)).toBeGreaterThan(before);
  const colours = await page.evaluate(`(() => {
    const canvas = document.querySelector("details.trial[open] figure[data-kind=latency] canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  })()`);
  expect(colours).toBeGreaterThan(20);
  // A part of the whole: the other trial is still folded.
  expect(await canvases(page)).toBeLessThan(await page.locator("figure.chart").count());
});

test("a curve is switched off and on by keys", async () => {
  await using opened = await open(report());
  const { page } = opened;
  await page.locator("nav").getByRole("link", { name: NAMES[0] }).click();
  const name = page
    .locator(`details.trial[open] figure[data-kind="latency"]`)
    .first()
    .getByRole("switch", { name: "p50" });
  await name.focus();
  await page.keyboard.press("Enter");
  expect(await name.getAttribute("aria-checked")).toBe("false");
  await page.keyboard.press("Space");
  expect(await name.getAttribute("aria-checked")).toBe("true");
});

test("without JavaScript the verdicts and tables are there", async () => {
  await using opened = await open(report(), { javaScriptEnabled: false });
  const { page } = opened;
  expect(await page.getByRole("table", { name: "each trial" }).isVisible()).toBeTrue();
  await page.locator("summary").filter({ hasText: NAMES[0] }).last().click();
  expect(await page.getByRole("table", { name: "SLIs" }).first().isVisible()).toBeTrue();
  expect(opened.errors).toEqual([]);
});

test("on paper everything is unfolded, drawn and in light colours, in the dark too", async () => {
  await using opened = await open(report(), { colorScheme: "dark" });
  const { page } = opened;
  const pdf = await page.pdf({ preferCSSPageSize: true });
  expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
  // Each trial begins on a page of its own.
  expect(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0).toBeGreaterThan(3);
  expect(await canvases(page)).toBe(await page.locator("figure.chart").count());
  const ground = "getComputedStyle(document.documentElement).getPropertyValue('--ground')";
  const dark = await page.evaluate(ground);
  await page.evaluate("dispatchEvent(new Event('beforeprint'))");
  expect([dark, await page.evaluate(ground)]).toEqual([expect.not.stringMatching("#fff"), "#fff"]);
  await page.evaluate("dispatchEvent(new Event('afterprint'))");
  // And afterwards as it was.
  expect(await page.locator("details.trial[open]").count()).toBe(0);
});

test.each([
  ["a phone", 400, "screen"],
  ["A4 within its margins", 703, "print"],
] as const)("nothing is wider than %s", async (_what, width, media) => {
  await using opened = await open(report(), { viewport: { width, height: 900 } });
  const { page } = opened;
  await page.emulateMedia({ media });
  if (media === "print") await page.evaluate("dispatchEvent(new Event('beforeprint'))");
  else await page.getByRole("button", { name: "Unfold all" }).click();
  await page.locator("figure.chart").last().scrollIntoViewIfNeeded();
  await page.locator("figure.chart canvas").last().waitFor();
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
});

test("compare lays two trials over each other in a page of their own", async () => {
  const file = join(scratch, "before-after.html");
  const { code } = await chaoslab([
    "compare",
    `${folder}#${NAMES[0]}`,
    `${folder}#${NAMES[1]}`,
    "--html",
    file,
  ]);
  expect(code).toBe(0);
  await using opened = await open(file);
  const chart = opened.page.locator('figure[data-kind="overlay-latency"]').first();
  await chart.scrollIntoViewIfNeeded();
  await chart.locator("canvas").waitFor();
  expect(await chart.getByRole("switch").allTextContents()).toEqual([
    `before: ${NAMES[0]}`,
    `after: ${NAMES[1]}`,
  ]);
  expect(opened.errors).toEqual([]);
});

/** The live page in a real browser, on a real lab under load: what it shows of a fault, and what it can do about it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { openFaults } from "../../src/faults/journal.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { NODE_NAMES, PORTS } from "../../src/lab/host/topology.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { chaoslab, connectMs, start } from "../support.ts";
import { launch } from "./browser.ts";

setDefaultTimeout(240_000);
const LAB = "test-p";

// A state root of its own: other tests take all labs of theirs down.
const home = mkdtempSync(join(tmpdir(), "cltest-p-"));
chmodSync(home, 0o755);
process.env.CHAOSLAB_HOME = home;
/** Where pictures are left to be looked at, docs/live.png among them (as light.png); undefined: none are. */
const pictures = process.env.CHAOSLAB_PICTURES;

let lab: HostLab;
let server: ReturnType<typeof start>;
let load: ReturnType<typeof start>;
let base = "";
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the browser had to complain of, and whom it asked. */
const complaints: string[] = [];
const asked = new Set<string>();

async function serve(...more: string[]): Promise<void> {
  server = start(["chaos", "--lab", LAB, "--port", "0", "--results", home, ...more]);
  const { value } = await server.stderr.getReader().read();
  base = /at (http:[^\s,]+)/.exec(new TextDecoder().decode(value))?.[1] ?? "";
  expect(base).toStartWith("http://127.0.0.1:");
}

async function open(): Promise<void> {
  page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => asked.add(new URL(request.url()).origin));
  await page.goto(base);
}

beforeAll(async () => {
  const up = await chaoslab(["up", "--lab", LAB]);
  if (up.code !== 0) throw new Error(up.stderr);
  const found = findLab(LAB);
  if (!found) throw new Error("the lab is not there");
  lab = found;
  await serve();
  load = start(["load", lab.apiUrl, "--mix", "shop", "--rate", "100", "--for", "10m", "--quiet"]);
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, colorScheme: "light" });
  await open();
});
afterAll(async () => {
  await browser.close();
  load.kill("SIGKILL");
  server.kill("SIGKILL");
  await chaoslab(["down", "--lab", LAB]);
  rmSync(home, { recursive: true, force: true });
});

const textOf = (selector: string): Promise<string> => page.locator(selector).innerText();
const says = (selector: string, text: string | RegExp) =>
  waitFor(async () => (await textOf(selector)).match(text), {
    what: `${selector} to say ${text}`,
    timeoutMs: 20_000,
  });

/** A cell of the table of SLIs for checkouts: 1 answered, 2 errors, 3 p50, 4 p99. */
const checkouts = (column: number): Promise<string> =>
  textOf(`#operations tr:has-text("POST /orders") td:nth-child(${column + 1})`);

/** Milliseconds of `≤ 250 ms` or `> 10 s`. */
function msOf(text: string): number {
  const [, number, unit] = /([\d.]+) (ms|s)$/.exec(text) ?? [];
  return Number(number ?? Number.NaN) * (unit === "s" ? 1_000 : 1);
}

/** Half a second of two minutes. The edges of curves, which are as faint, are a twentieth of it. */
const SHADED = 0.004;

/** Share of a chart's pixels that have the colour of a window. */
const shaded = (chart: string): Promise<number> =>
  page.evaluate<number>(`(() => {
    const canvas = document.querySelector("#${chart} canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
      if (data[i] > 180 && data[i + 2] < 40 && data[i + 3] > 25 && data[i + 3] < 50) count++;
    return count / (canvas.width * canvas.height);
  })()`);

/** Waits for three seconds in a row in which checkouts are fast: a lab that has just been booted is slow. */
async function steady(): Promise<void> {
  let seconds = 0;
  const isSteady = async (): Promise<boolean> => {
    seconds = msOf(await checkouts(4)) <= 250 ? seconds + 1 : 0;
    return seconds >= 3;
  };
  await waitFor(isSteady, { what: "a steady state", timeoutMs: 60_000, intervalMs: 1_000 });
}

const roundTrip = (): Promise<number> => connectMs(lab.topology.address("payments"), PORTS.payments);
const openNow = () => openFaults(lab.paths.journal);

async function picture(name: string): Promise<void> {
  if (!pictures) return;
  await page.evaluate("scrollTo(0, 0)");
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: name.endsWith("full") });
}

test("shows every node, and what the api answers", async () => {
  await says("#connection", "live");
  await says("#lab-name", LAB);
  for (const node of NODE_NAMES) await says("#nodes", new RegExp(`^${node}\\s+● ready`, "m"));
  await waitFor(async () => Number.parseFloat(await checkouts(1)) > 5, {
    what: "checkouts",
    timeoutMs: 20_000,
  });
  expect(msOf(await checkouts(4))).toBeGreaterThan(0);
  expect(await shaded("chart-latency")).toBeLessThan(SHADED / 2);
  expect(await page.locator("#topology svg .node").count()).toBe(NODE_NAMES.length + 1);
  await says("#experiments", "cascade");
});

test("a slowdown that is injected by form is in force, and seen within 5 s; its window is shaded", async () => {
  await steady();
  await Bun.sleep(pictures ? 125_000 : 0);
  await page.getByLabel("fault", { exact: true }).selectOption("latency");
  await page.getByLabel("target", { exact: true }).selectOption("payments");
  await page.getByLabel("delay (ms)").fill("400");
  await page.getByLabel("jitter (ms), optional").fill("20");
  await page.getByLabel("for (s)").fill("100");
  await page.getByRole("button", { name: "Inject", exact: true }).click();
  await says("#inject-result", /latency on payments is in force/);
  const [fault] = openNow();
  const injected = fault?.event.t_start ?? 0;
  await waitFor(async () => msOf(await checkouts(4)) > 400, {
    what: "the slowdown on the page",
    timeoutMs: 10_000,
  });
  const seenMs = Date.now() - injected;
  console.log(`a slowdown on the page ${(seenMs / 1_000).toFixed(1)} s after its injection`);
  expect(seenMs).toBeLessThan(5_000);
  expect(await roundTrip()).toBeGreaterThan(379);
  await waitFor(async () => (await shaded("chart-latency")) > SHADED, {
    what: "the window",
    timeoutMs: 10_000,
  });
  await says("#faults", /latency on payments.*delay_ms 400/);
  expect(await page.locator("#topology").textContent()).toContain("⚡ latency");
});

test("looks the same by dark and by light", async () => {
  await Bun.sleep(pictures ? 25_000 : 0);
  await picture("light");
  await picture("light-full");
  await page.emulateMedia({ colorScheme: "dark" });
  await Bun.sleep(pictures ? 1_500 : 0);
  await picture("dark");
  await picture("dark-full");
  const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
  expect(ground).toBe("rgb(20, 23, 26)");
  await page.emulateMedia({ colorScheme: "light" });
});

test("what is wrong is said next to its field, and nothing is injected", async () => {
  await page.getByLabel("target", { exact: true }).selectOption("redis");
  await page.getByLabel("jitter (ms), optional").fill("900");
  await page.getByRole("button", { name: "Inject", exact: true }).click();
  const jitter = page.getByLabel("jitter (ms), optional");
  await waitFor(async () => (await jitter.getAttribute("aria-invalid")) === "true", {
    what: "a refusal",
    timeoutMs: 10_000,
  });
  expect(await textOf("[id='field-params.jitter_ms-error']")).toContain("is more than delay_ms");
  expect(await page.evaluate("document.activeElement.id")).toBe("field-params.jitter_ms");
  expect(openNow()).toHaveLength(1);
});

test("a click reverts: gone from the kernel, the page says so, and the window ends", async () => {
  await page.getByRole("button", { name: "Revert latency on payments" }).click();
  await says("#fault-result", /latency on payments was reverted/);
  expect(openNow()).toEqual([]);
  expect(await roundTrip()).toBeLessThan(200);
  await says("#no-faults", "none");
  await says("#past-count", "1");
  await says("#fault-result", /nothing of it is left|steady again after/);
  expect(await shaded("chart-latency")).toBeGreaterThan(SHADED);
});

test("a fault of another process appears, and is reverted by keyboard alone", async () => {
  const args = ["--lab", LAB, "--target", "redis", "--loss-percent", "1"];
  expect((await chaoslab(["inject", "loss", ...args])).code).toBe(0);
  await says("#faults", /loss on redis/);
  await page.locator("h1").click();
  const reached: string[] = [];
  for (let i = 0; i < 40 && !reached.some((name) => name.includes("Revert loss")); i++) {
    await page.keyboard.press("Tab");
    reached.push(
      await page.evaluate<string>("document.activeElement.ariaLabel ?? document.activeElement.id"),
    );
  }
  await page.keyboard.press("Enter");
  await waitFor(() => openNow().length === 0, { what: "the revert", timeoutMs: 20_000 });
  // The button is gone, and the keyboard goes on where it was.
  await waitFor(async () => (await page.evaluate("document.activeElement.id")) === "h-faults", {
    what: "the focus",
    timeoutMs: 10_000,
  });
});

test("breakers are shown once they are on", async () => {
  expect(await textOf("#nodes")).not.toContain("closed");
  expect((await chaoslab(["mitigate", "all", "--lab", LAB])).code).toBe(0);
  await says("#nodes", /orders-1.*○ payments closed/);
  expect(await page.locator("#topology .breaker", { hasText: "○" }).count()).toBe(7);
  await picture("breakers-full");
});

test("the log of a node is text", async () => {
  await page.getByLabel("Node", { exact: true }).selectOption("orders-1");
  await says("#log", /--- .* start 0/);
  expect(await page.locator("#log *").count()).toBe(0);
});

test("asks nobody but its controller, and has nothing to complain of", () => {
  expect([...asked].filter((origin) => origin !== "null")).toEqual([base]);
  // The browser tells of the refusal above too.
  expect(complaints.filter((text) => !/status of 400/.test(text))).toEqual([]);
});

test("hidden it asks for nothing, and shows what it missed when it is seen again", async () => {
  const hide = (hidden: boolean): Promise<unknown> =>
    page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, get: () => ${hidden} });
      document.dispatchEvent(new Event("visibilitychange"))`);
  await hide(true);
  await says("#connection", "paused");
  await hide(false);
  await says("#connection", "live");
});

test("with a token the page asks for it, and keeps it for the tab alone", async () => {
  await page.close();
  server.kill("SIGTERM");
  await server.exited;
  const token = "a-token-of-some-length";
  await serve("--token", token);
  await open();
  await page.getByLabel("Token of this controller").fill("something-else-entirely");
  await page.getByRole("button", { name: "Go on" }).click();
  await says("#token-error", "this is not the controller's token");
  await page.getByLabel("Token of this controller").fill(token);
  await page.keyboard.press("Enter");
  await says("#connection", "live");
  await says("#nodes", /api\s+● ready/);
  expect(await page.evaluate("[localStorage.length, document.cookie]")).toEqual([0, ""]);
  expect(page.url()).toBe(`${base}/`);
});

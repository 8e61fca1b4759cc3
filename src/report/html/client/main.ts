/** The script of the report: draws each chart when it is first seen, and all of them before the page is printed. @module */
import type uPlot from "uplot";
import { onSchemeChange } from "../../../web/client/theme.ts";
import { chartOf, isChartKind } from "../charts/chart-of.ts";
import type { PageData } from "../data.ts";
import { plot, type Size } from "./plot.ts";

/** Two charts beside each other on A4, in CSS pixels. */
const PRINT_WIDTH = 340;
const PRINT_HEIGHT = 150;
const HEIGHT = 210;
const SMALL_HEIGHT = 150;

const data: PageData = JSON.parse(document.getElementById("data")?.textContent ?? "");
const figures = [...document.querySelectorAll<HTMLElement>("figure.chart")];
const drawn = new Map<HTMLElement, uPlot>();
let isPrinting = false;

function sizeOf(figure: HTMLElement): Size {
  if (isPrinting) return { width: PRINT_WIDTH, height: PRINT_HEIGHT };
  const height = figure.closest(".small") ? SMALL_HEIGHT : HEIGHT;
  return { width: Math.max(240, figure.clientWidth), height };
}

function draw(figure: HTMLElement): void {
  const { kind = "", trial, part } = figure.dataset;
  const host = figure.querySelector<HTMLElement>(".plot");
  if (!host || drawn.has(figure) || !isChartKind(kind)) return;
  const spec = chartOf(data, kind, Number(trial), Number(part));
  if (spec) drawn.set(figure, plot(host, spec, sizeOf(figure)));
  else host.textContent = "nothing was recorded";
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting || !(target instanceof HTMLElement)) continue;
      seen.unobserve(target);
      draw(target);
      resized.observe(target);
    }
  },
  { rootMargin: "300px" },
);
const resized = new ResizeObserver((entries) => {
  if (isPrinting) return;
  for (const { target } of entries) {
    const chart = target instanceof HTMLElement ? drawn.get(target) : undefined;
    const size = target instanceof HTMLElement ? sizeOf(target) : null;
    // What is folded up has no width.
    if (chart && size && target.clientWidth > 0 && size.width !== chart.width) chart.setSize(size);
  }
});
for (const figure of figures) seen.observe(figure);

onSchemeChange(() => {
  for (const chart of drawn.values()) chart.redraw(false);
});

const folded = (): HTMLDetailsElement[] => [
  ...document.querySelectorAll<HTMLDetailsElement>("details.trial, details.pair"),
];

/** A link to a trial unfolds it. */
function unfold(): void {
  const target = folded().find(({ id }) => id && new URL(`#${id}`, location.href).hash === location.hash);
  if (!target) return;
  target.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();

for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-unfold]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const each of folded()) each.open = button.dataset.unfold === "all";
  });
}

let unfoldedForPrint: HTMLDetailsElement[] = [];
addEventListener("beforeprint", () => {
  isPrinting = true;
  document.documentElement.dataset.print = "";
  unfoldedForPrint = folded().filter(({ open }) => !open);
  for (const each of unfoldedForPrint) each.open = true;
  for (const figure of figures) {
    const chart = drawn.get(figure);
    if (chart) chart.setSize(sizeOf(figure));
    else draw(figure);
  }
});
addEventListener("afterprint", () => {
  isPrinting = false;
  delete document.documentElement.dataset.print;
  for (const each of unfoldedForPrint) each.open = false;
  for (const [figure, chart] of drawn) chart.setSize(sizeOf(figure));
});

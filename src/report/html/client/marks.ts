/** What is drawn on a chart besides its curves: windows, faults, bounds, instants. @module */
import uPlot from "uplot";
import { colour } from "../../../web/client/theme.ts";
import type { BoundSpec, ChartSpec, MarkSpec } from "../charts/spec.ts";

const FONT_PX = 11;

/** Beneath the curves: the windows, and the faults' own intervals along the top. */
export function drawBeneath({ ctx, bbox, valToPos }: uPlot, { windows, spans }: ChartSpec): void {
  const unit = uPlot.pxRatio;
  ctx.save();
  clip(ctx, bbox);
  ctx.font = `${FONT_PX * unit}px system-ui, sans-serif`;
  // uPlot leaves behind what it wrote its axes with.
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  for (const { from, to, label, colour: name } of windows) {
    const left = Math.max(bbox.left, valToPos(from, "x", true));
    const right = Math.min(bbox.left + bbox.width, valToPos(to, "x", true));
    ctx.fillStyle = colour(name);
    ctx.globalAlpha = name === "fault" ? 0.14 : 0.06;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.globalAlpha = 0.5;
    ctx.fillRect(left, bbox.top, unit, bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour("quiet");
    if (ctx.measureText(label).width < right - left - 6 * unit)
      ctx.fillText(label, left + 4 * unit, bbox.top + 7 * unit);
  }
  ctx.fillStyle = colour("fault");
  for (const { from, to } of spans) {
    const left = valToPos(from, "x", true);
    ctx.fillRect(left, bbox.top, Math.max(2 * unit, valToPos(to, "x", true) - left), 4 * unit);
  }
  ctx.restore();
}

/** Above the curves: bounds, and instants with their names. */
export function drawAbove(plot: uPlot, { bounds, marks }: ChartSpec): void {
  const { ctx, bbox } = plot;
  ctx.save();
  clip(ctx, bbox);
  ctx.font = `${FONT_PX * uPlot.pxRatio}px system-ui, sans-serif`;
  drawBounds(plot, bounds);
  drawMarks(plot, marks);
  ctx.restore();
}

function drawBounds({ ctx, bbox, valToPos }: uPlot, bounds: readonly BoundSpec[]): void {
  const unit = uPlot.pxRatio;
  const row = FONT_PX * 1.3 * unit;
  ctx.strokeStyle = colour("text");
  ctx.lineWidth = unit;
  ctx.setLineDash([5 * unit, 4 * unit]);
  for (const { from, to, value } of bounds) {
    const y = Math.round(valToPos(value, "y", true)) + 0.5;
    line(ctx, [valToPos(from, "x", true), y], [valToPos(to, "x", true), y]);
  }
  ctx.textAlign = "left";
  const taken: Box[] = [];
  for (const { from, value, label } of bounds.filter((bound) => bound.label !== "")) {
    const x = Math.max(bbox.left, valToPos(from, "x", true)) + 4 * unit;
    const end = x + ctx.measureText(label).width;
    const above = valToPos(value, "y", true) - 3 * unit;
    // A bound at the very top has its name beneath, under those of the windows.
    const isHigh = above - bbox.top < 2 * row;
    let y = isHigh ? bbox.top + 2.5 * row : above;
    while (taken.some((box) => x < box.end && end > box.x && Math.abs(y - box.y) < row))
      y += isHigh ? row : -row;
    taken.push({ x, end, y });
    write(ctx, label, x, y);
  }
}

function drawMarks({ ctx, bbox, valToPos }: uPlot, marks: readonly MarkSpec[]): void {
  const unit = uPlot.pxRatio;
  for (const { at, label } of marks) {
    const x = valToPos(at, "x", true);
    ctx.setLineDash([]);
    ctx.strokeStyle = colour("series-3");
    ctx.lineWidth = 2 * unit;
    line(ctx, [x, bbox.top], [x, bbox.top + bbox.height]);
    const isRight = x + ctx.measureText(label).width + 8 * unit > bbox.left + bbox.width;
    ctx.textAlign = isRight ? "right" : "left";
    write(ctx, label, x + (isRight ? -4 : 4) * unit, bbox.top + bbox.height - 4 * unit);
  }
}

/** Where a text stands, in pixels of the canvas. */
interface Box {
  x: number;
  end: number;
  /** Of its lower edge. */
  y: number;
}

/** From its lower edge up. With a rim in the colour of the ground, to be read on top of curves. */
function write(ctx: CanvasRenderingContext2D, text: string, x: number, y: number): void {
  ctx.setLineDash([]);
  ctx.textBaseline = "bottom";
  ctx.lineJoin = "round";
  ctx.lineWidth = 3 * uPlot.pxRatio;
  ctx.strokeStyle = colour("ground");
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour("text");
  ctx.fillText(text, x, y);
}

function clip(ctx: CanvasRenderingContext2D, { left, top, width, height }: uPlot.BBox): void {
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
}

function line(
  ctx: CanvasRenderingContext2D,
  from: readonly [number, number],
  to: readonly [number, number],
): void {
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}

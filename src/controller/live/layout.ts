/** Where the nodes and the connections of the lab are drawn: in the order in which a request passes them. @module */
import type { LinkView } from "./wire.ts";

export const NODE_WIDTH = 128;
export const NODE_HEIGHT = 48;
export const WIDTH = 850;
export const HEIGHT = 430;

const COLUMN = 178;
const ROW = 72;

/** Column and row, such that no line between two that talk passes through a third. */
const GRID: Readonly<Record<string, readonly [column: number, row: number]>> = {
  client: [0, 2],
  api: [1, 2],
  "orders-1": [2, 0.9],
  "orders-2": [2, 3.1],
  payments: [3, -0.1],
  catalog: [3, 4.4],
  "pg-primary": [4, 0.6],
  "pg-replica": [4, 2],
  redis: [4, 3.4],
  toxiproxy: [0, 4.4],
};

export interface Point {
  x: number;
  y: number;
}

/** The middle of a node; null for one that has no place in the drawing. */
export function middleOf(node: string): Point | null {
  const cell = GRID[node];
  if (!cell) return null;
  const [column, row] = cell;
  return { x: column * COLUMN + NODE_WIDTH / 2 + 4, y: row * ROW + NODE_HEIGHT / 2 + 22 };
}

export interface Route {
  /** `d` of an SVG path. */
  path: string;
  /** Where something about the connection is put. */
  label: Point;
}

/** How far along a connection its label is: off the middle, where many cross. */
const LABEL_AT = 0.3;

/** The line from a caller to what it calls; null when one of them is not drawn. */
export function routeOf({ caller, callee }: LinkView): Route | null {
  const [from, to] = [middleOf(caller), middleOf(callee)];
  if (!from || !to) return null;
  const end = { x: to.x - NODE_WIDTH / 2, y: to.y };
  // Down and then across, around the orders.
  if (caller === "api" && callee === "catalog") {
    const begin = { x: from.x, y: from.y + NODE_HEIGHT / 2 };
    const corner = { x: begin.x, y: end.y };
    return {
      path: `M${xy(begin)} Q${xy(corner)} ${xy(end)}`,
      label: between(between(begin, corner, LABEL_AT), between(corner, end, LABEL_AT), LABEL_AT),
    };
  }
  const begin = { x: from.x + NODE_WIDTH / 2, y: from.y };
  return { path: `M${xy(begin)} L${xy(end)}`, label: between(begin, end, LABEL_AT) };
}

const between = (a: Point, b: Point, share: number): Point => ({
  x: a.x + (b.x - a.x) * share,
  y: a.y + (b.y - a.y) * share,
});

const xy = ({ x, y }: Point): string => `${x.toFixed(1)},${y.toFixed(1)}`;

/** Whether a caller's metrics mean this node: `pg-primary` is `pg_primary`, `orders-1` itself. */
export const isMeant = (node: string, dependency: string): boolean =>
  dependency === node || dependency === node.replaceAll("-", "_");

/** The lab as a drawing: nodes with their state, connections with their breakers, marks of active faults. @module */
import { HEIGHT, isMeant, middleOf, NODE_HEIGHT, NODE_WIDTH, type Point, routeOf, WIDTH } from "../layout.ts";
import type { LiveState } from "../state.ts";
import type { BreakerState, FaultView, LinkView, NodeView, Snapshot } from "../wire.ts";
import { draw, find, say } from "./dom.ts";

/** Each state by its shape, its word and its colour. */
export const STATES: Readonly<Record<string, { shape: string; kind: string }>> = {
  ready: { shape: "●", kind: "ready" },
  starting: { shape: "◐", kind: "warn" },
  backoff: { shape: "✕", kind: "bad" },
  stopped: { shape: "■", kind: "quiet" },
};
const UNKNOWN = { shape: "?", kind: "quiet" };

export const BREAKERS: Readonly<Record<BreakerState, { shape: string; kind: string }>> = {
  closed: { shape: "○", kind: "ready" },
  "half-open": { shape: "◑", kind: "warn" },
  open: { shape: "●", kind: "bad" },
};

/** A node's state in words; one whose metrics do not come is not well, whatever its supervisor says. */
export function stateOf({ state, has_metrics, metrics }: NodeView): { text: string; kind: string } {
  const { shape, kind } = STATES[state ?? ""] ?? UNKNOWN;
  const silent = state === "ready" && has_metrics && metrics === null;
  const text = `${shape} ${state === "backoff" ? "down" : (state ?? "not known")}`;
  return silent ? { text: `${text}, silent`, kind: "warn" } : { text, kind };
}

const host = find("topology", HTMLElement);

/** The parts that change. */
interface Drawn {
  nodes: Map<string, { box: SVGElement; state: SVGElement; fault: SVGElement }>;
  breakers: { link: LinkView; group: SVGElement; mark: SVGElement }[];
  picture: SVGElement;
}
let drawn: Drawn | null = null;

/** Draws a lab's plan anew. */
export function drawTopology({ lab, places, links }: Snapshot): void {
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  picture.append(arrowHead());
  const lines = [{ caller: "client", callee: "api" }, ...links];
  const breakers = lines.flatMap((link) => {
    const route = routeOf(link);
    if (!route) return [];
    picture.append(draw("path", { d: route.path, class: "link", "marker-end": "url(#arrow)" }));
    return [{ link, ...drawBreaker(route.label) }];
  });
  const nodes = new Map(places.flatMap((place) => drawNode(picture, place)));
  picture.append(...breakers.map(({ group }) => group));
  picture.setAttribute("aria-label", `Nodes of lab ${lab}`);
  host.replaceChildren(picture);
  drawn = { nodes, breakers, picture };
}

function arrowHead(): SVGElement {
  const marker = {
    id: "arrow",
    viewBox: "0 0 8 8",
    refX: "7",
    refY: "4",
    markerWidth: "7",
    markerHeight: "7",
    orient: "auto",
  };
  return draw("defs", {}, draw("marker", marker, draw("path", { d: "M0,0 L8,4 L0,8 z", class: "arrow" })));
}

function textAt({ x, y }: Point, dy: number, kind: string): SVGElement {
  return draw("text", { x: String(x), y: String(y + dy), "text-anchor": "middle", class: kind });
}

/** A hole in the line, and the breaker's mark in it. */
function drawBreaker(at: Point): { group: SVGElement; mark: SVGElement } {
  const mark = textAt(at, 6, "breaker");
  const hole = draw("circle", { cx: String(at.x), cy: String(at.y), r: "7", class: "hole" });
  return { group: draw("g", { visibility: "hidden" }, hole, mark), mark };
}

function drawNode(
  picture: SVGElement,
  name: string,
): [string, { box: SVGElement; state: SVGElement; fault: SVGElement }][] {
  const middle = middleOf(name);
  if (!middle) return [];
  const box = draw("rect", {
    x: String(middle.x - NODE_WIDTH / 2),
    y: String(middle.y - NODE_HEIGHT / 2),
    width: String(NODE_WIDTH),
    height: String(NODE_HEIGHT),
    rx: "6",
    class: "node",
  });
  const title = textAt(middle, -4, "node-name");
  title.append(name);
  const state = textAt(middle, 14, "node-state");
  const fault = textAt(middle, NODE_HEIGHT / 2 + 15, "node-fault");
  picture.append(box, title, state, fault);
  return [[name, { box, state, fault }]];
}

/** What is known now. */
export function paintTopology({ nodes, faults }: LiveState): void {
  if (!drawn) return;
  const active = faults.filter(({ t_stop }) => t_stop === null);
  for (const [name, { box, state, fault }] of drawn.nodes) {
    const view = nodes.find((node) => node.name === name);
    const { text, kind } = view ? stateOf(view) : { text: "", kind: "quiet" };
    const own = active.filter((each) => isOn(each, name));
    look(box, own.length > 0 ? `node ${kind} faulty` : `node ${kind}`);
    look(state, `node-state ${kind}`);
    say(state, text);
    say(fault, own.map(({ type }) => `⚡ ${type}`).join(", "));
  }
  for (const { link, group, mark } of drawn.breakers) {
    const calls = nodes.find(({ name }) => name === link.caller)?.metrics?.calls ?? [];
    const breaker = calls.find(({ dependency }) => isMeant(link.callee, dependency))?.breaker;
    group.setAttribute("visibility", breaker ? "visible" : "hidden");
    look(mark, breaker ? `breaker ${BREAKERS[breaker].kind}` : "breaker");
    say(mark, breaker ? BREAKERS[breaker].shape : "");
  }
}

/** Setting a class anew would have the browser style it anew. */
function look(element: SVGElement, classes: string): void {
  if (element.getAttribute("class") !== classes) element.setAttribute("class", classes);
}

/** On its target, and on the nodes that a rolling restart goes on to. */
function isOn({ target, params }: FaultView, node: string): boolean {
  return target === node || [params.then].flat().includes(node);
}

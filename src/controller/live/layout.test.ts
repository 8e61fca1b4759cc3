import { expect, test } from "bun:test";
import { LINKS } from "../../lab/host/links.ts";
import { PLACES } from "../../lab/host/topology.ts";
import { HEIGHT, isMeant, middleOf, NODE_HEIGHT, NODE_WIDTH, routeOf, WIDTH } from "./layout.ts";

const middles = PLACES.map((place) => ({ place, ...(middleOf(place) ?? { x: Number.NaN, y: Number.NaN }) }));

test("every place of a lab is inside the drawing, and none covers another", () => {
  for (const { x, y } of middles) {
    expect(x).toBeWithin(NODE_WIDTH / 2, WIDTH - NODE_WIDTH / 2 + 1);
    expect(y).toBeWithin(NODE_HEIGHT / 2, HEIGHT - NODE_HEIGHT / 2 + 1);
  }
  for (const a of middles)
    for (const b of middles.filter(({ place }) => place !== a.place))
      expect(Math.abs(a.x - b.x) >= NODE_WIDTH || Math.abs(a.y - b.y) >= NODE_HEIGHT).toBe(true);
  expect(middleOf("elsewhere")).toBeNull();
});

test.each([...LINKS])("the line of $caller to $callee passes through no third node", (link) => {
  const route = routeOf(link);
  expect(route).not.toBeNull();
  const numbers = [...(route?.path.matchAll(/-?[\d.]+/g) ?? [])].map(([text]) => Number(text));
  const [x1 = 0, y1 = 0, ...rest] = numbers;
  const [x2 = 0, y2 = 0] = rest.slice(-2);
  const [cx = (x1 + x2) / 2, cy = (y1 + y2) / 2] = rest.slice(0, -2);
  for (let t = 0; t <= 1; t += 0.01) {
    const along = (a: number, b: number, c: number): number =>
      (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t ** 2 * c;
    const [x, y] = [along(x1, cx, x2), along(y1, cy, y2)];
    for (const node of middles.filter(({ place }) => place !== link.caller && place !== link.callee))
      expect(Math.abs(node.x - x) > NODE_WIDTH / 2 || Math.abs(node.y - y) > NODE_HEIGHT / 2).toBe(true);
  }
});

test("a node is known by the name by which its callers count it", () => {
  expect(isMeant("pg-primary", "pg_primary")).toBe(true);
  expect(isMeant("orders-1", "orders-1")).toBe(true);
  expect(isMeant("orders-1", "orders-2")).toBe(false);
});

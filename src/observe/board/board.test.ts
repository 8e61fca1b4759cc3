import { expect, test } from "bun:test";
import { board } from "./board.ts";
import { grafanaFiles } from "./files.ts";
import { ROWS } from "./panels.ts";

test("the board has every panel once, in rows, with faults as annotations", () => {
  const { panels = [], annotations, uid } = board();
  expect(uid).toBe("chaoslab");
  const specs = ROWS.flatMap(({ title, panels: own }) => [title, ...own.map((panel) => panel.title)]);
  expect(panels.map(({ title }) => title)).toEqual(specs);
  expect(annotations?.list?.map(({ name }) => name)).toEqual(["Faults in force"]);
  expect(panels.map(({ id }) => id)).toEqual(panels.map((_, i) => i + 1));
});

test("no panel lies on another", () => {
  const cells = new Set<string>();
  for (const { gridPos } of board().panels ?? []) {
    expect(gridPos).toBeDefined();
    const { x = 0, y = 0, w = 0, h = 0 } = gridPos ?? {};
    for (let i = x; i < x + w; i++) {
      for (let j = y; j < y + h; j++) {
        expect(cells.has(`${i} ${j}`)).toBe(false);
        cells.add(`${i} ${j}`);
      }
    }
  }
});

test("the files name the data source that panels choose from, and are the same each time", () => {
  const files = grafanaFiles("http://prometheus:9090");
  expect(Object.keys(files)).toEqual([
    "provisioning/datasources/prometheus.yml",
    "provisioning/dashboards/chaoslab.yml",
    "dashboards/chaoslab.json",
  ]);
  expect(files["provisioning/datasources/prometheus.yml"]).toContain("url: http://prometheus:9090");
  expect(grafanaFiles("http://prometheus:9090")).toEqual(files);
});

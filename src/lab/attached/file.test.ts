import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { ChaoslabError, ExitCode } from "../../cli/errors.ts";
import { parseLabFile } from "./file.ts";

const EVERY_KIND = `name: shop
nodes:
  web: { container: web-1, url: "http://10.0.0.2/", metrics: true }
  app: { compose: app, volume: /data }
  db: { systemd: postgresql@15-main.service, stop_signal: SIGINT }
  cache: { port: 6379, restarts: true }
  worker: { pid: 4711 }
dependencies:
  web: [app]
  app: [db, cache]
client: web
needs: { read: [web, app] }
`;

/** The one line that a wrong file is refused with. */
function refusal(source: string): string {
  try {
    parseLabFile(source, "lab.yaml");
  } catch (error) {
    if (!(error instanceof ChaoslabError)) throw error;
    expect(error.exitCode).toBe(ExitCode.badConfig);
    return error.oneLine;
  }
  throw new Error("the file was accepted");
}

test("each of the five ways to name a node", () => {
  const { nodes } = parseLabFile(EVERY_KIND, "lab.yaml");
  expect(Object.values(nodes).map((node) => Object.keys(node)[0])).toEqual([
    "container",
    "compose",
    "systemd",
    "port",
    "pid",
  ]);
});

test("the tutorial's file", () => {
  const source = readFileSync(new URL("../../../tutorial/lab.yaml", import.meta.url), "utf8");
  expect(parseLabFile(source, "lab.yaml").dependencies).toEqual({ web: ["app"], app: ["cache", "db"] });
});

test.each([
  [
    "two names for one node",
    "{ pid: 4711 }",
    "{ pid: 4711, port: 80 }",
    "7:3: nodes.worker: it cannot be told by pid and port",
  ],
  [
    "no name for a node",
    "{ pid: 4711 }",
    "{ url: http://a }",
    "7:3: nodes.worker: nothing says what it is; exactly one of",
  ],
  [
    "an unknown field",
    "pid: 4711",
    "pdi: 4711",
    "7:13: nodes.worker.pdi: unknown field; accepted here: container, compose, systemd, pid, port",
  ],
  ["the first process", "pid: 4711", "pid: 1", "7:13: nodes.worker.pid: 1"],
  [
    "a unit that is no service",
    "postgresql@15-main.service",
    "user.slice",
    '5:9: nodes.db.systemd: "user.slice" is not accepted; expected a service unit',
  ],
  ["an option for a unit", "postgresql@15-main.service", "a b.service", "nodes.db.systemd"],
  ["a port that is none", "port: 6379", "port: 70000", "6:12: nodes.cache.port: 70000"],
  [
    "restarts where it says so itself",
    "compose: app",
    "compose: app, restarts: true",
    "4:24: nodes.app.restarts: goes with port only",
  ],
  [
    "a volume of a process",
    "pid: 4711",
    "pid: 4711, volume: /data",
    "7:24: nodes.worker.volume: only a container",
  ],
  [
    "metrics without a url",
    "pid: 4711",
    "pid: 4711, metrics: true",
    "7:24: nodes.worker.metrics: needs the node's url",
  ],
  ["a caller that is no node", "  app: [db", "  ap: [db", '10:3: dependencies.ap: no node "ap"'],
  ["a callee that is no node", "[db, cache]", "[db, cash]", '10:13: dependencies.app.1: no node "cash"'],
  [
    "a node that calls itself",
    "[db, cache]",
    "[db, app]",
    "10:13: dependencies.app.1: app cannot depend on itself",
  ],
  [
    "a client that is no node",
    "client: web",
    "client: wep",
    '11:1: client: no node "wep" (did you mean web?)',
  ],
  ["a need that is no node", "read: [web, app]", "read: [web, ap]", '12:22: needs.read.1: no node "ap"'],
  ["a name that is too long", "name: shop", "name: a-name-that-is-too-long", "1:1: name: "],
  ["the name of chaoslab's own containers", "name: shop", "name: docker", "1:1: name: docker is what"],
  [
    "a name of a node in capitals",
    "  web: {",
    "  Web: {",
    "3:3: nodes.Web: not accepted; a name here is lower-case",
  ],
])("%s is refused by line and column", (_, from, to, said) => {
  expect(EVERY_KIND).toContain(from);
  expect(refusal(EVERY_KIND.replace(from, to))).toContain(
    `lab.yaml:${said}`.replace("lab.yaml:nodes", "nodes"),
  );
});

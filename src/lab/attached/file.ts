/** Reads lab.yaml. What is wrong is reported by file, line, column and field. @module */
import { suggestion } from "../../config/nearest.ts";
import { type Fail, parseYaml, readConfig } from "../../config/yaml-file.ts";
import { LabFile, NODE_KINDS, type NodeEntry } from "../../model/lab-file.ts";
import { DOCKER_LAB } from "../docker/lab.ts";

export const loadLabFile = (file: string): LabFile => parseLabFile(readConfig(file), file);

/** @param file for messages only. */
export function parseLabFile(source: string, file: string): LabFile {
  const { value, fail } = parseYaml(source, file, LabFile, "a lab");
  if (value.name === DOCKER_LAB)
    throw fail(["name"], `${DOCKER_LAB} is what chaoslab's own containers are called; give it another name`);
  for (const [name, node] of Object.entries(value.nodes)) checkNode(name, node, fail);
  const known = Object.keys(value.nodes);
  const require = (path: string[], node: string): void => {
    if (known.includes(node)) return;
    throw fail(path, `no node ${JSON.stringify(node)}${suggestion(node, known)}; nodes: ${known.join(", ")}`);
  };
  for (const [caller, callees] of Object.entries(value.dependencies ?? {})) {
    require(["dependencies", caller], caller);
    callees.forEach((callee, i) => {
      require(["dependencies", caller, `${i}`], callee);
      if (callee === caller)
        throw fail(["dependencies", caller, `${i}`], `${caller} cannot depend on itself`);
    });
  }
  if (value.client !== undefined) require(["client"], value.client);
  for (const [operation, nodes] of Object.entries(value.needs ?? {}))
    nodes.forEach((node, i) => {
      require(["needs", operation, `${i}`], node);
    });
  value.toxiproxy?.links.forEach(({ from, to }, i) => {
    require(["toxiproxy", "links", `${i}`, "from"], from);
    require(["toxiproxy", "links", `${i}`, "to"], to);
  });
  return value;
}

function checkNode(name: string, node: NodeEntry, fail: Fail): void {
  const told = NODE_KINDS.filter((kind) => node[kind] !== undefined);
  if (told.length !== 1) {
    const what = told.length === 0 ? "nothing says what it is" : `it cannot be told by ${told.join(" and ")}`;
    throw fail(["nodes", name], `${what}; exactly one of ${NODE_KINDS.join(", ")} is accepted`);
  }
  const isContainer = node.container !== undefined || node.compose !== undefined;
  if (node.restarts !== undefined && node.port === undefined) {
    const why = node.pid === undefined ? "it says so itself" : "another process has another pid";
    throw fail(["nodes", name, "restarts"], `goes with port only: ${why}`);
  }
  if (node.volume !== undefined && !isContainer)
    throw fail(["nodes", name, "volume"], "only a container has a volume of its own");
  if (node.metrics && node.url === undefined) throw fail(["nodes", name, "metrics"], "needs the node's url");
}

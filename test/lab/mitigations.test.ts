/** Mitigations of a real lab: what it boots with, what it is switched to, and what a restarted node comes back with. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import type { LabDocument } from "../../src/lab/host/manage.ts";
import { type NodeName, SERVICES } from "../../src/lab/host/topology.ts";
import { switchMitigations } from "../../src/lab/mitigations.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { LoadSummary } from "../../src/model/load.ts";
import { MITIGATIONS } from "../../src/model/mitigations.ts";
import { chaoslab, oneLine } from "../support.ts";

setDefaultTimeout(120_000);
const NAME = "test-m";
let lab: HostLab;

const onAt = async (node: NodeName): Promise<string[]> => {
  const answer = await fetch(`${lab.topology.url(node)}/mitigations`, { signal: AbortSignal.timeout(5_000) });
  return ((await answer.json()) as { mitigations: string[] }).mitigations;
};
const everywhere = () => Promise.all(SERVICES.map(onAt));
const node = async (name: NodeName) => (await lab.nodes()).find((each) => each.name === name);
const mitigate = (names: string, ...flags: string[]) =>
  chaoslab(["mitigate", names, "--lab", NAME, ...flags]);

beforeAll(async () => {
  const { code, stdout } = await chaoslab(["up", "--lab", NAME, "--mitigations", "outbox,timeout", "--json"]);
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as LabDocument).mitigations).toEqual(["timeout", "outbox"]);
  const found = findLab(NAME);
  if (!found) throw new Error("no lab");
  lab = found;
});
afterAll(() => chaoslab(["down", "--lab", NAME]));

test("a lab boots with the mitigations it is told, and is switched while it runs", async () => {
  expect(await everywhere()).toEqual(SERVICES.map(() => ["timeout", "outbox"]));
  const { code, stdout } = await mitigate("all");
  expect(code).toBe(0);
  expect(stdout).toBe(`lab ${NAME}: mitigations all: ${SERVICES.join(", ")}\n`);
  expect(await everywhere()).toEqual(SERVICES.map(() => [...MITIGATIONS]));
  expect((await chaoslab(["status", "--lab", NAME])).stdout).toContain("mitigations: all");
  const json = JSON.parse((await mitigate("none", "--json")).stdout);
  expect(json).toEqual({
    lab: NAME,
    mitigations: [],
    nodes: SERVICES.map((each) => ({ node: each, failure: null })),
  });
  await switchMitigations(lab.shop, ["breaker"]);
  expect(await everywhere()).toEqual(SERVICES.map(() => ["breaker"]));
});

test("a node that is killed comes back as it was switched, even if it was away then", async () => {
  const pid = (await node("payments"))?.pid ?? -1;
  process.kill(pid, "SIGKILL");
  const away = await mitigate("timeout");
  expect(away.code).toBe(7);
  expect(away.stdout).toBe(`lab ${NAME}: mitigations timeout: api, orders-1, orders-2, catalog\n`);
  expect(away.stderr).toMatch(/^chaoslab: not taken by payments \([^\n]*\n$/);
  await waitFor(async () => (await onAt("payments")).join() === "timeout", {
    what: "payments to come back",
    timeoutMs: 20_000,
  });
});

test("a rolling restart with draining on loses no request", async () => {
  await switchMitigations(lab.shop, ["draining"]);
  const loading = chaoslab(["load", "--lab", NAME, "--rate", "100", "--for", "15s", "--json", "--quiet"]);
  const roll = ["inject", "restart", "--lab", NAME, "--target", "orders-1", "--drain", "--then", "orders-2"];
  expect((await chaoslab([...roll, "--for", "30s"])).code).toBe(0);
  await waitFor(
    async () => (await node("orders-2"))?.restarts === 1 && (await node("orders-2"))?.state === "ready",
    {
      what: "both to be restarted",
      timeoutMs: 20_000,
    },
  );
  const { stdout } = await loading;
  const { operations } = JSON.parse(stdout) as LoadSummary;
  for (const { requests, outcomes } of Object.values(operations))
    expect(outcomes).toEqual({ "2xx": requests });
});

test.each([
  [["mitigate", "all", "--lab", "nowhere"], 6, "no lab nowhere"],
  [["mitigate", "brakes"], 2, '"brakes"'],
  [["up", "--lab", "test-n", "--mitigations", "brakes"], 2, "--mitigations"],
] as const)("%j ends with %i in one line", async (args, code, says) => {
  const finished = await chaoslab([...args]);
  expect(oneLine(finished)).toContain(says);
  expect(finished.code).toBe(code);
});

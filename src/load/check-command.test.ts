/** `chaoslab load --check` against a shop that keeps books of what it acknowledged, and of the reads it got wrong. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { AcknowledgedOrder, ForeignRead, LoadRecord, LoadSummary } from "../model/load.ts";

const MAIN = join(import.meta.dir, "..", "main.ts");
/** Every so many answers one is wrong. */
const EVERY = 10;

const acknowledged: Pick<AcknowledgedOrder, "id" | "tenant" | "status">[] = [];
const foreign: Pick<ForeignRead, "asked" | "got">[] = [];
const junk = { writes: 0 };
const counts = { reads: 0, writes: 0 };
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const asked = pathname.split("/").at(-1) ?? "";
    if (pathname === "/token")
      return Response.json({ token: ((await request.json()) as { tenant: string }).tenant });
    if (request.method === "POST") {
      if (++counts.writes % EVERY === 0) {
        junk.writes++;
        return Response.json({ status: "paid" }, { status: 201 });
      }
      const tenant = request.headers.get("authorization")?.replace("Bearer ", "") ?? "";
      const status = counts.writes % 2 === 0 ? "pending" : "paid";
      const order = { id: `o-${crypto.randomUUID()}`, status } as const;
      acknowledged.push({ ...order, tenant });
      return Response.json(order, { status: 201 });
    }
    if (++counts.reads % EVERY !== 0) return Response.json({ id: asked, note: "é" });
    foreign.push({ asked, got: "o-another" });
    return Response.json({ id: "o-another" });
  },
});
const TARGET = `http://127.0.0.1:${server.port}`;
afterAll(() => void server.stop(true));

async function finish(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn([process.execPath, MAIN, "load", ...args], { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

const MIX = ["--mix", "shop", "--rate", "300", "--for", "1500ms", "--reads", "0.5", "--quiet"];
const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);

describe("chaoslab load --check", () => {
  test.each(["1", "2"])(
    "streams what was acknowledged and what was read wrong: %s worker(s)",
    async (workers) => {
      for (const books of [acknowledged, foreign]) books.length = 0;
      junk.writes = 0;
      const { code, out, err } = await finish(TARGET, ...MIX, "--check", "--stream", "--workers", workers);
      expect([code, err]).toEqual([0, ""]);
      const records = out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as LoadRecord);
      const ticks = records.filter((each) => each.kind === "tick");
      const record = ticks.map((tick) => tick.record ?? { acknowledged: [], foreign_reads: [] });
      const orders = record.flatMap((each) => each.acknowledged);
      expect(orders.length).toBeGreaterThan(150);
      expect(orders.map(({ second, ...order }) => order).sort(byId)).toEqual(acknowledged.toSorted(byId));
      expect(new Set(orders.map(({ second }) => second))).toEqual(new Set([0, 1]));
      const reads = record.flatMap((each) => each.foreign_reads);
      expect(reads.length).toBeGreaterThan(10);
      const pairs = reads.map(({ asked, got }) => `${asked} ${got}`).sort();
      expect(pairs).toEqual(foreign.map(({ asked, got }) => `${asked} ${got}`).sort());
      expect(reads.every(({ got_tenant }) => got_tenant === null)).toBe(true);

      const { operations } = records.at(-1) as LoadSummary;
      expect(operations["GET /orders/{id}"]?.outcomes.unexpected).toBe(foreign.length);
      expect(operations["POST /orders"]?.outcomes).toEqual({
        "2xx": acknowledged.length,
        unexpected: junk.writes,
      });
    },
    30_000,
  );

  test("without the flag no answer is read, and there is no record", async () => {
    const { code, out } = await finish(TARGET, ...MIX, "--stream");
    expect(code).toBe(0);
    expect(out).not.toContain('"record"');
    expect(out).not.toContain('"unexpected"');
  }, 30_000);

  test("what it does not go with is refused in one line", async () => {
    const scenario = join(import.meta.dir, "../../schedules/scenarios/shop.yaml");
    for (const args of [[TARGET], ["--scenario", scenario]]) {
      const { code, out, err } = await finish(...args, "--check");
      expect([code, out]).toEqual([2, ""]);
      expect(err).toMatch(/^chaoslab: load: [^\n]*--check[^\n]*\n$/);
    }
  }, 30_000);
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linesOf } from "../cli/lines.ts";
import { isAlive, type ProcessRef, processRef } from "../lab/process.ts";
import { waitFor } from "../lab/wait.ts";
import type { LoadRecord, LoadSummary, MergedSummary } from "../model/load.ts";

const MAIN = join(import.meta.dir, "..", "main.ts");
const scratch = mkdtempSync(join(tmpdir(), "chaoslab-workers-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A target that writes down what it is asked; each test has its own. */
function target() {
  const asked: string[] = [];
  let tokens = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const body = await request.text();
      if (pathname === "/token") {
        tokens++;
        return Response.json({ token: `t-${JSON.parse(body).tenant}` });
      }
      asked.push(`${request.method} ${pathname} ${request.headers.get("authorization")} ${body}`);
      return new Response("{}");
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    asked: () => asked.toSorted(),
    tokens: () => tokens,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

const start = (...args: string[]) =>
  Bun.spawn([process.execPath, MAIN, ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });

async function finish(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = start(...args);
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

const recordsIn = (text: string): LoadRecord[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

function childrenOf(pid: number): ProcessRef[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        return parent === pid ? (processRef(Number(name)) ?? []) : [];
      } catch {
        return [];
      }
    });
}

/** A load of an hour in two workers that has begun to report. */
async function running(url: string) {
  const load = start("load", url, "--rate", "50", "--for", "1h", "--workers", "2", "--stream", "--quiet");
  const lines = linesOf(load.stdout);
  expect(JSON.parse((await lines.next()).value ?? "{}").kind).toBe("start");
  expect(JSON.parse((await lines.next()).value ?? "{}").kind).toBe("tick");
  const workers = childrenOf(load.pid);
  expect(workers).toHaveLength(2);
  const rest = async (): Promise<LoadRecord[]> =>
    (await Array.fromAsync(lines)).map((line) => JSON.parse(line));
  return { load, workers, rest };
}

const gone = (workers: readonly ProcessRef[]): Promise<boolean> =>
  waitFor(() => !workers.some(isAlive), { what: "the workers to be gone", timeoutMs: 10_000 });

const MIX = ["--mix", "shop", "--rate", "400", "--for", "1s", "--seed", "5"];

describe.concurrent("chaoslab load --workers", () => {
  test("sends exactly what one process sends, asks for each token once, and reports the same", async () => {
    using alone = target();
    using shared = target();
    const [one, two] = await Promise.all([
      finish("load", alone.url, ...MIX, "--json", "--quiet"),
      finish("load", shared.url, ...MIX, "--workers", "2", "--stream", "--quiet"),
    ]);
    expect([one.code, one.err, two.code, two.err]).toEqual([0, "", 0, ""]);
    expect(shared.asked().length).toBeGreaterThan(300);
    expect(shared.asked()).toEqual(alone.asked());
    expect([shared.tokens(), alone.tokens()]).toEqual([20, 20]);

    const whole: LoadSummary = JSON.parse(one.out);
    const records = recordsIn(two.out);
    const summary = records.at(-1);
    if (summary?.kind !== "summary") throw new Error("no summary");
    const { requests, operation_names, shard, duration_s, rate, stages } = whole;
    expect(summary).toMatchObject({ requests, operation_names, shard, duration_s, rate, stages });
    expect(records.map(({ kind }) => kind).slice(0, 2)).toEqual(["start", "tick"]);
    expect(records[0]).toMatchObject({ t_start: summary.t_start, shard: { index: 0, of: 1 } });
    let counted = 0;
    for (const record of records) {
      for (const { outcomes } of record.kind === "tick" ? record.deltas : []) counted += outcomes["2xx"] ?? 0;
    }
    expect(counted).toBe(requests);
    expect(summary.slip.count).toBe(requests);
    for (const [name, operation] of Object.entries(summary.operations)) {
      expect(operation.outcomes).toEqual(whole.operations[name]?.outcomes ?? {});
    }
  }, 30_000);

  test("a worker that is killed ends the load with one line, and nothing stays", async () => {
    using server = target();
    const { load, workers, rest } = await running(server.url);
    process.kill(workers[1]?.pid ?? 0, "SIGKILL");
    expect(await load.exited).toBe(1);
    expect(await load.stderr.text()).toMatch(
      /^chaoslab: load: worker [12] of 2 was ended by SIGKILL[^\n]*\n$/,
    );
    expect((await rest()).some(({ kind }) => kind === "summary")).toBe(false);
    expect(workers.filter(isAlive)).toEqual([]);
  }, 30_000);

  test("no worker outlives a load that is killed", async () => {
    using server = target();
    const { load, workers } = await running(server.url);
    load.kill("SIGKILL");
    await load.exited;
    await gone(workers);
  }, 30_000);

  test("Ctrl-C ends all in order: the summary of everything that was sent, exit code 105", async () => {
    using server = target();
    const { load, workers, rest } = await running(server.url);
    load.kill("SIGINT");
    const summary = (await rest()).at(-1);
    expect(await load.exited).toBe(105);
    if (summary?.kind !== "summary") throw new Error("no summary");
    expect(summary.requests).toBe(server.asked().length);
    expect(summary.requests).toBeGreaterThan(20);
    expect(summary.duration_s).toBeLessThan(60);
    expect(workers.filter(isAlive)).toEqual([]);
  }, 30_000);

  test("a worker's error is the load's: one line with its exit code", async () => {
    const body = join(scratch, "body");
    writeFileSync(body, "x");
    // Open in the load, but not in its workers.
    const url = ["http://127.0.0.1:1/", "--body", "@/proc/self/fd/9"];
    const load = Bun.spawn(
      ["bash", "-c", 'exec "$@" 9<"$0"', body, process.execPath, MAIN, "load", ...url, "--workers", "2"],
      {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    expect(await load.stderr.text()).toMatch(/^chaoslab: load: worker [12] of 2: --body: [^\n]+\n$/);
    expect(await load.exited).toBe(2);
  }, 30_000);
});

describe("chaoslab load --shard", () => {
  const results: string[] = [];
  let server: ReturnType<typeof target>;
  let startAt = 0;

  beforeAll(async () => {
    server = target();
    startAt = Date.now() + 5_000;
    const shards = ["1/2", "2/2"].map(async (shard, i) => {
      const args = [
        server.url,
        ...MIX,
        "--shard",
        shard,
        "--start-at",
        String(startAt),
        "--workers",
        "2",
        "--stream",
      ];
      const { code, out, err } = await finish("load", ...args);
      expect(code).toBe(0);
      expect(err).toMatch(/^starts in \d s$/m);
      const [stream, summary] = [join(scratch, `${i}.ndjson`), join(scratch, `${i}.json`)];
      writeFileSync(stream, out);
      writeFileSync(summary, out.trimEnd().split("\n").at(-1) ?? "");
      results.push(stream, summary);
    });
    await Promise.all(shards);
    results.sort();
  }, 40_000);
  afterAll(() => server[Symbol.dispose]());

  const files = (ending: string): string[] => results.filter((name) => name.endsWith(ending));

  test("two, started for one instant and merged, are the whole load", async () => {
    using alone = target();
    const one: LoadSummary = JSON.parse((await finish("load", alone.url, ...MIX, "--json", "--quiet")).out);
    expect(server.asked()).toEqual(alone.asked());
    for (const ending of [".json", ".ndjson"]) {
      const dir = join(scratch, `hgrm${ending}`);
      const { code, out } = await finish("merge", ...files(ending), "--json", "--hgrm", dir);
      expect(code).toBe(0);
      const whole: MergedSummary = JSON.parse(out);
      expect(whole).toMatchObject({ t_start: startAt, requests: one.requests, shard: { index: 0, of: 1 } });
      expect(whole.merged).toEqual({ shards: [0, 1], of: 2, cut_short: [], t_start_spread_ms: 0 });
      for (const [name, { outcomes, latency }] of Object.entries(one.operations)) {
        expect(whole.operations[name]).toMatchObject({ outcomes, latency: { count: latency.count } });
      }
      expect(readdirSync(dir)).toContain("GET-orders-id.latency.hgrm");
      expect(readFileSync(join(dir, "all.slip.hgrm"), "utf8")).toContain(
        `Total count    = ${String(one.requests).padStart(12)}]`,
      );
    }
  }, 30_000);

  test("a shard that is missing is said", async () => {
    const { code, out } = await finish("merge", files(".json")[0] ?? "");
    expect(code).toBe(0);
    expect(out).toContain("shards 1 of 2, missing 2, starts 0 ms apart");
  });

  test("what is no result, or half of one, is refused in one line", async () => {
    const [json = "", stream = ""] = [files(".json")[0], files(".ndjson")[1]];
    const write = (name: string, text: string): string => {
      writeFileSync(join(scratch, name), text);
      return join(scratch, name);
    };
    const summary: LoadSummary = JSON.parse(readFileSync(json, "utf8"));
    const [first = ""] = readFileSync(stream, "utf8").split("\n");
    const merged = write("merged", (await finish("merge", json, "--json")).out);
    const cases: [string[], RegExp][] = [
      [["/no/such.json"], /\/no\/such\.json: no such file/],
      [[scratch], /is a directory|EISDIR/i],
      [[write("empty", "")], /neither the --json nor the --stream/],
      [[write("text", "hello")], /neither/],
      [[write("cut", `${first}\n{"kind":"tick"`)], /without its summary/],
      [[write("odd", JSON.stringify({ ...summary, seed: "x" }))], /not a load's summary: seed/],
      [[write("sum", JSON.stringify({ ...summary, requests: 1 }))], /requests differ/],
      [[merged], /merged already/],
      [[json, stream], /is a summary and .* a stream/],
      [[json, json], /shard 1\/2 twice/],
    ];
    for (const [args, says] of cases) {
      const { code, err, out } = await finish("merge", ...args);
      expect(err).toMatch(/^chaoslab: merge: [^\n]+\n$/);
      expect(err).toMatch(says);
      expect([code, out]).toEqual([104, ""]);
    }
    // A document that somebody made readable is one all the same.
    expect((await finish("merge", write("pretty", JSON.stringify(summary, null, 2)))).code).toBe(0);
  }, 30_000);

  test.each([
    [["--start-at", "2020-01-01T00:00:00Z"], /--start-at: in the past: 2020-01-01T00:00:00\.000Z/],
    [["--start-at", "2200-01-01T00:00:00Z"], /--start-at: more than a day ahead/],
    [["--start-at", "noon"], /--start-at: "noon" is not an instant/],
    [["--shard", "4/3"], /--shard: "4\/3" is not one/],
    [["--workers", "0"], /--workers: "0" is not a whole number from 1/],
    [["--workers", "3", "--connections", "2"], /--workers: 3 cannot share --connections 2/],
  ] as const)("%j is refused in one line", async (args, says) => {
    const { code, err, out } = await finish("load", "http://127.0.0.1:1/", ...args);
    expect(err).toMatch(/^chaoslab: [^\n]+\n$/);
    expect(err).toMatch(says);
    expect([code, out]).toEqual([2, ""]);
  });

  test("a signal while waiting for the start ends it: one line, exit code 105", async () => {
    const child = start("load", "http://127.0.0.1:1/", "--start-at", String(Date.now() + 3_600_000));
    const lines = linesOf(child.stderr);
    expect((await lines.next()).value).toMatch(/^starts in \d+ s$/);
    child.kill("SIGINT");
    expect((await Array.fromAsync(lines)).at(-1)).toContain("stopped before its start");
    expect(await child.exited).toBe(105);
  });
});

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";

const MAIN = join(import.meta.dir, "..", "main.ts");

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/token") {
      const { tenant } = (await request.json()) as { tenant: string };
      return Response.json({ token: `token-of-${tenant}` });
    }
    if (pathname.startsWith("/plain/"))
      return new Response(null, { status: pathname.endsWith("/token") ? 404 : 200 });
    if (pathname.startsWith("/odd/")) return Response.json({ hello: "world" });
    const authorised = /^Bearer token-of-tenant-\d\d$/.test(request.headers.get("authorization") ?? "");
    return new Response("{}", { status: authorised ? 200 : 401 });
  },
});
const TARGET = `http://127.0.0.1:${server.port}`;
afterAll(() => void server.stop(true));

function start(...args: string[]) {
  return Bun.spawn([process.execPath, MAIN, "load", ...args], { stdout: "pipe", stderr: "pipe" });
}

async function finish(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = start(...args);
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

describe.concurrent("chaoslab load", () => {
  test("--print-schedule prints the same bytes for the same seed and needs no target", async () => {
    const mix = ["http://127.0.0.1:1", "--mix", "shop", "--rate", "1000"];
    const args = [...mix, "--print-schedule", "2000", "--seed", "7"];
    const [one, two, other] = await Promise.all([
      finish(...args),
      finish(...args),
      finish(...mix, "--print-schedule", "2000"),
    ]);
    expect(one.code).toBe(0);
    expect(one.out).toBe(two.out);
    expect(one.out).not.toBe(other.out);
    const lines = one.out.trimEnd().split("\n");
    expect(lines).toHaveLength(2_000);
    expect(lines.every((line) => /^\d+\t\d+\.\d{3}\t(GET|POST)\ttenant-\d\d\t\/orders/.test(line))).toBe(
      true,
    );
  });

  test("authenticates each tenant and prints one JSON document", async () => {
    const { code, out, err } = await finish(
      TARGET,
      "--mix",
      "shop",
      "--rate",
      "100",
      "--for",
      "300ms",
      "--json",
      "--quiet",
    );
    expect([code, err]).toEqual([0, ""]);
    const summary = JSON.parse(out);
    expect(summary).toMatchObject({ kind: "summary", rate: 100, arrivals: "poisson", dropped: 0 });
    expect(summary.operations["GET /orders/{id}"].outcomes).toEqual({ "2xx": expect.any(Number) });
  });

  test("goes without authentication where there is no POST /token, and prints a table", async () => {
    const { code, out } = await finish(
      `${TARGET}/plain/`,
      "--mix",
      "shop",
      "--rate",
      "100",
      "--for",
      "300ms",
    );
    expect(code).toBe(0);
    expect(out).toContain("GET /orders/{id}");
    expect(out).toContain("goodput");
  });

  test("one line for a target that is wrong, away or odd", async () => {
    const [wrong, https, away, odd] = await Promise.all([
      finish("nonsense"),
      finish("https://127.0.0.1:1", "--mix", "shop"),
      finish("http://127.0.0.1:1", "--mix", "shop"),
      finish(`${TARGET}/odd`, "--mix", "shop"),
    ]);
    for (const { err } of [wrong, https, away, odd]) expect(err).toMatch(/^chaoslab: load: [^\n]+\n$/);
    expect([wrong.code, https.code, away.code, odd.code]).toEqual([2, 2, 6, 6]);
    expect(away.err).toContain("connection refused");
    expect(odd.err).toContain("answered 200 without a token");
  });

  test("a signal ends the load with its summary and exit code 105", async () => {
    const child = start(TARGET, "--mix", "shop", "--for", "60s", "--stream", "--quiet");
    const reader = child.stdout.getReader();
    const first = await reader.read();
    expect(new TextDecoder().decode(first.value)).toContain('"kind":"start"');
    child.kill("SIGTERM");
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      rest += new TextDecoder().decode(part.value);
    }
    expect(await child.exited).toBe(105);
    expect(rest.trimEnd().split("\n").at(-1)).toContain('"kind":"summary"');
  });

  test("a stream that nobody reads any more ends the load", async () => {
    const child = start(TARGET, "--mix", "shop", "--for", "60s", "--stream", "--quiet");
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    expect(await child.exited).toBe(105);
  }, 10_000);
});

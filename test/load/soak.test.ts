import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadRecord } from "../../src/model/load.ts";

setDefaultTimeout(180_000);

const MAIN = join(import.meta.dir, "..", "..", "src", "main.ts");
/** A soak of half an hour: CHAOSLAB_SOAK_S=1800. */
const SECONDS = Number(process.env.CHAOSLAB_SOAK_S ?? 36);
const SETTLED_S = Math.min(60, SECONDS / 3);
const RATE = 1_000;

const residentKib = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

test(
  "memory stays flat: at the end at most a tenth above what it was once settled",
  async () => {
    // Without a token service (404) the mix goes without authentication.
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => new Response("{}", { status: request.url.endsWith("/token") ? 404 : 200 }),
    });
    const flags = [`--rate=${RATE}`, `--for=${SECONDS}s`, "--mix=shop", "--stream", "--quiet"];
    const url = `http://127.0.0.1:${server.port}/`;
    const load = Bun.spawn([process.execPath, MAIN, "load", url, ...flags], { stdout: "pipe" });
    const resident: number[] = [];
    let requests = 0;
    let rest = "";
    for await (const chunk of load.stdout) {
      const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const record = JSON.parse(line) as LoadRecord;
        if (record.kind === "tick" && record.tick < SECONDS) resident[record.tick] = residentKib(load.pid);
        if (record.kind === "summary") requests = record.requests;
      }
    }
    await server.stop(true);
    expect(requests).toBeGreaterThan(0.9 * RATE * SECONDS);
    // The collector works in waves: the most of a stretch, not one moment.
    const most = (from: number, to: number): number => Math.max(...resident.slice(from, to));
    const settled = most(SETTLED_S / 2, SETTLED_S);
    const last = most(SECONDS - SETTLED_S / 2, SECONDS - 1);
    console.log(
      `resident: ${(settled / 1024).toFixed(1)} MiB settled, ${(last / 1024).toFixed(1)} MiB at the end`,
    );
    expect(last).toBeLessThan(1.1 * settled);
  },
  { timeout: (SECONDS + 60) * 1_000 },
);

import { afterEach, expect, test } from "bun:test";
import { DateHeader } from "./date-header.ts";

const AHEAD_MS = 300_000;
const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

/** A service whose nth request (from 1) is answered with a Date this far ahead; null: not answered at all. */
function service(aheadMs: (request: number) => number | null) {
  let requests = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      const ahead = aheadMs(++requests);
      if (ahead === null) return new Promise<Response>(() => {});
      return new Response("", { headers: { date: new Date(Date.now() + ahead).toUTCString() } });
    },
  });
  servers.push(server);
  return { header: new DateHeader(server.url.href, AHEAD_MS), requests: () => requests };
}

const near = (offset: number | null, expected: number): void =>
  expect(Math.abs((offset ?? Number.NaN) - expected)).toBeLessThan(1_000);

test("a text that was written before the fault is asked for again", async () => {
  const { header, requests } = service((request) => (request < 3 ? 0 : AHEAD_MS));
  near(await header.offsetMs(), AHEAD_MS);
  expect(requests()).toBe(3);
});

test("at once means one request, and a text that may be old is no evidence", async () => {
  const { header, requests } = service((request) => (request < 3 ? 0 : AHEAD_MS));
  expect(await header.offsetAtOnceMs(10_000, 0)).toBeNull();
  expect(requests()).toBe(1);
});

test("at once, a service that does not answer, or not yet, is as far off as when it was last asked", async () => {
  const answers = [AHEAD_MS, null, 0];
  const { header, requests } = service((request) => answers[request - 1] as number | null);
  near(await header.offsetMs(), AHEAD_MS);
  near(await header.offsetAtOnceMs(20, 60_000), AHEAD_MS);
  near(await header.offsetAtOnceMs(10_000, 0), AHEAD_MS);
  expect(requests()).toBe(3);
});

test("a service that stays wrong is found wrong, at once too", async () => {
  near(await service(() => 0).header.offsetMs(), 0);
  near(await service(() => 0).header.offsetAtOnceMs(10_000, 60_000), 0);
});

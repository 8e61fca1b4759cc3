/** A toxic's chance, and what a server that counts nothing can show: proxies of this process, no lab. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "../../src/faults/controller.ts";
import type { Target } from "../../src/lab/target.ts";
import type { ToxicParams } from "../../src/model/params.ts";
import { startToxiproxy } from "../../src/toxiproxy/server.ts";

const folder = mkdtempSync(join(tmpdir(), "cltest-chance-"));
const ends: (() => unknown)[] = [];
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server with one proxy, before an echo. */
async function served(seed: number): Promise<{ url: string; port: number }> {
  const server = await startToxiproxy({ host: "127.0.0.1", port: 0, seed });
  const echo = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket, data) => void socket.write(data) },
  });
  ends.push(() => echo.stop(true), server.stop);
  const proxy = await server.proxies.create({
    name: "a-to-b",
    listen: "127.0.0.1:0",
    upstream: `127.0.0.1:${echo.port}`,
  });
  return { url: server.url, port: Number(proxy.listen.split(":")[1]) };
}

const behind = (url: string): Target => ({
  name: "b",
  address: "127.0.0.1",
  netns: "/run/netns/chaoslab-none",
  device: "lo",
  fabric: { netns: "/run/netns/chaoslab-none", device: "b" },
  cgroup: null,
  stopSignal: "SIGTERM",
  volume: null,
  url: null,
  supervisor: null,
  links: { server: { url, tokenFile: null, cgroup: null }, proxies: [{ name: "a-to-b", from: "a" }] },
});

const injectOn = (url: string, params: ToxicParams) =>
  inject({
    journal: join(folder, `${crypto.randomUUID()}.ndjson`),
    fault: { type: "toxic", target: "b", params },
    target: behind(url),
  });

/** Whether a connection of its own is reset before it is answered. */
function isReset(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: "127.0.0.1", port }, () => socket.write("x"));
  const end = (reset: boolean): void => {
    resolve(reset);
    socket.destroy();
  };
  socket.on("data", () => end(false));
  socket.on("error", () => end(true));
  socket.on("close", () => end(false));
  return promise;
}

/** Which of 60 connections, one after the other, are hit at half the toxicity. */
async function pattern(seed: number | undefined, serverSeed: number): Promise<string> {
  const { url, port } = await served(serverSeed);
  await using active = await injectOn(url, {
    toxic: "reset_peer",
    timeout_ms: 0,
    toxicity_percent: 50,
    ...(seed === undefined ? {} : { seed }),
  });
  let hit = "";
  for (let i = 0; i < 60; i++) hit += (await isReset(port)) ? "x" : ".";
  const hits = hit.replaceAll(".", "").length;
  expect(await active.verify()).toMatchObject({ landed: true, measures: { connections: hits } });
  return hit;
}

test("the same seed hits the same connections, whatever the fault's id and the server's seed", async () => {
  const first = await pattern(7, 1);
  const hits = first.replaceAll(".", "").length;
  expect(hits).toBeGreaterThan(15);
  expect(hits).toBeLessThan(45);
  expect(await pattern(7, 2)).toBe(first);
  expect(await pattern(8, 1)).not.toBe(first);
  expect(await pattern(undefined, 1)).toBe(await pattern(undefined, 2));
});

test("without metrics, as Shopify's server by default, nothing claims that the toxic landed", async () => {
  const { url, port } = await served(1);
  const mute = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/metrics") return new Response("404 page not found", { status: 404 });
      const body = request.method === "POST" ? await request.text() : null;
      return fetch(url + pathname, { method: request.method, body });
    },
  });
  ends.push(() => mute.stop(true));
  await using active = await injectOn(`http://127.0.0.1:${mute.port}`, { toxic: "timeout", timeout_ms: 20 });
  expect(await isReset(port)).toBe(false);
  const evidence = await active.verify();
  expect(evidence).toMatchObject({ landed: false, measures: { proxies: 1 } });
  expect(evidence.detail).toContain("serves no metrics");
});

test("a server that refuses, and one that is not there, are one line each", async () => {
  const { url } = await served(1);
  const elsewhere: Target = {
    ...behind(url),
    links: { server: { url, tokenFile: null, cgroup: null }, proxies: [{ name: "none", from: "a" }] },
  };
  const params = { toxic: "latency", latency_ms: 1 };
  const options = {
    journal: join(folder, "j"),
    fault: { type: "toxic", target: "b", params },
  } as const;
  await expect(inject({ ...options, target: elsewhere })).rejects.toThrow("toxiproxy: it has no proxy none");
  await expect(inject({ ...options, target: behind("http://127.0.0.1:1") })).rejects.toMatchObject({
    kind: "prerequisite",
    message: expect.stringContaining("nothing listens there"),
  });
});

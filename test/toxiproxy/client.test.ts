/** The official Node client, its whole surface, against our server. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { type Proxy as ClientProxy, type Latency, Toxiproxy, ToxiproxyError } from "toxiproxy-node-client";
import { API_VERSION } from "../../src/toxiproxy/api.ts";
import { startToxiproxy, type ToxiproxyServer } from "../../src/toxiproxy/server.ts";

let server: ToxiproxyServer;
let toxiproxy: Toxiproxy;
let proxy: ClientProxy;
beforeAll(async () => {
  server = await startToxiproxy({ host: "127.0.0.1", port: 0, seed: 1 });
  toxiproxy = new Toxiproxy(server.url);
});
afterAll(() => server.stop());
beforeEach(async () => {
  for (const { name } of server.proxies.all()) server.proxies.delete(name);
  proxy = await toxiproxy.createProxy({ name: "redis", listen: "localhost:0", upstream: "127.0.0.1:6379" });
});

const LATENCY = {
  name: "slow",
  type: "latency",
  stream: "upstream",
  toxicity: 0.5,
  attributes: { latency: 100, jitter: 10 },
} as const;

test("createProxy, get, getAll and the proxy's own accessors", async () => {
  expect(proxy.toJson()).toMatchObject({ name: "redis", upstream: "127.0.0.1:6379", enabled: true });
  expect(proxy.listen).toMatch(/^127\.0\.0\.1:[1-9]/);
  expect(proxy.getToxiproxy()).toBe(toxiproxy);
  expect(proxy.getHost()).toBe(server.url);
  expect(proxy.getPath()).toBe(`${server.url}/proxies/redis`);
  expect((await toxiproxy.get("redis")).toJson()).toEqual(proxy.toJson());
  const all = await toxiproxy.getAll();
  expect(Object.keys(all)).toEqual(["redis"]);
  expect(all.redis?.listen).toBe(proxy.listen);
});

test("populate", async () => {
  const proxies = await toxiproxy.populate([
    { name: "one", listen: "localhost:0", upstream: "localhost:1" },
    { name: "two", listen: "localhost:0", upstream: "localhost:2", enabled: false },
  ]);
  expect(Object.keys(proxies)).toEqual(["one", "two"]);
  expect(proxies.two?.enabled).toBeFalse();
});

test("update and remove a proxy", async () => {
  const { listen } = proxy;
  const updated = await proxy.update({ enabled: false, listen, upstream: "127.0.0.1:1" });
  expect(updated.toJson()).toMatchObject({ name: "redis", enabled: false, listen, upstream: "127.0.0.1:1" });
  await updated.remove();
  expect(await toxiproxy.getAll()).toEqual({});
});

test("addToxic, getToxic, update and remove a toxic", async () => {
  const toxic = await proxy.addToxic<Latency>(LATENCY);
  expect(toxic.toJson()).toEqual(LATENCY);
  expect(toxic.getPath()).toBe(`${server.url}/proxies/redis/toxics/slow`);
  expect((await proxy.getToxic<Latency>("slow")).toJson()).toEqual(LATENCY);
  const changed = await toxic.update({ ...LATENCY, toxicity: 1, attributes: { latency: 1, jitter: 0 } });
  expect(changed.toJson()).toEqual({ ...LATENCY, toxicity: 1, attributes: { latency: 1, jitter: 0 } });
  await changed.remove();
  await expect(proxy.getToxic("slow")).rejects.toThrow(ToxiproxyError);
});

test("reset, getVersion and getApi", async () => {
  await proxy.addToxic(LATENCY);
  await proxy.update({ enabled: false, listen: proxy.listen, upstream: proxy.upstream });
  await toxiproxy.reset();
  expect((await toxiproxy.get("redis")).enabled).toBeTrue();
  await expect(proxy.getToxic("slow")).rejects.toThrow("404");
  expect(JSON.parse(await toxiproxy.getVersion())).toEqual({ version: API_VERSION });
  const { data } = await toxiproxy.getApi().get(`${server.url}/proxies/redis/toxics`);
  expect(data).toEqual([]);
});

test("refusals reach the client as its error, with the status", async () => {
  const again = toxiproxy.createProxy({ name: "redis", listen: "localhost:0", upstream: "x:1" });
  await expect(again).rejects.toThrow("409");
  await expect(toxiproxy.createProxy({ name: "", listen: "", upstream: "" })).rejects.toThrow("400");
  await expect(toxiproxy.get("nobody")).rejects.toThrow("404");
  await expect(proxy.addToxic({ ...LATENCY, type: "down" })).rejects.toThrow("400");
});

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createServer } from "node:net";
import { API_VERSION, MAX_BODY } from "../../src/toxiproxy/api.ts";
import { startToxiproxy, type ToxiproxyServer } from "../../src/toxiproxy/server.ts";
import { call } from "./kit.ts";

let server: ToxiproxyServer;
beforeAll(async () => {
  server = await startToxiproxy({ host: "127.0.0.1", port: 0, seed: 1 });
});
afterAll(() => server.stop());
afterEach(() => {
  for (const proxy of server.proxies.all()) server.proxies.delete(proxy.name);
});

const api = (method: string, path: string, body?: unknown) => call(server.url, method, path, body);
const PROXY = { name: "p", listen: "127.0.0.1:0", upstream: "127.0.0.1:9" };
const listening = {
  name: "p",
  listen: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/),
  upstream: "127.0.0.1:9",
};
const LATENCY = { type: "latency", attributes: { latency: 5 } };
const latency = {
  name: "latency_downstream",
  type: "latency",
  stream: "downstream",
  toxicity: 1,
  attributes: { latency: 5, jitter: 0 },
};

const refused = (status: number, error: string) => ({ status, body: { error, status } });

test("proxies: create 201, list, show, update and delete", async () => {
  const made = { ...listening, enabled: true, toxics: [] };
  expect(await api("POST", "/proxies", PROXY)).toEqual({ status: 201, body: made });
  expect(await api("GET", "/proxies")).toEqual({ status: 200, body: { p: made } });
  expect(await api("GET", "/proxies/p")).toEqual({ status: 200, body: made });
  for (const [method, enabled] of [
    ["POST", false],
    ["PATCH", true],
  ] as const) {
    expect(await api(method, "/proxies/p", { enabled })).toEqual({ status: 200, body: { ...made, enabled } });
  }
  const moved = await api("PATCH", "/proxies/p", { name: "ignored", upstream: "localhost:10" });
  expect(moved).toEqual({ status: 200, body: { ...made, upstream: "localhost:10" } });
  expect(await api("DELETE", "/proxies/p")).toEqual({ status: 204, body: null });
  expect(await api("GET", "/proxies")).toEqual({ status: 200, body: {} });
});

test("a listen address without a host, or without anything, is loopback", async () => {
  for (const [name, listen] of Object.entries({ a: ":0", b: "", c: "localhost:0", d: undefined })) {
    const { body } = await api("POST", "/proxies", { ...PROXY, name, listen });
    expect(body).toMatchObject({ listen: listening.listen });
  }
  const six = await api("POST", "/proxies", { ...PROXY, name: "six", listen: "[::1]:0" });
  expect(six.body).toMatchObject({ listen: expect.stringMatching(/^\[::1\]:\d+$/) });
});

test("toxics: create 200, list by direction, show, update and delete", async () => {
  await api("POST", "/proxies", PROXY);
  expect(await api("POST", "/proxies/p/toxics", LATENCY)).toEqual({ status: 200, body: latency });
  const upstream = { type: "timeout", stream: "UPSTREAM", toxicity: 0.3, name: "t" };
  const timeout = { ...upstream, stream: "upstream", attributes: { timeout: 0 } };
  expect(await api("POST", "/proxies/p/toxics", upstream)).toEqual({ status: 200, body: timeout });
  expect(await api("GET", "/proxies/p/toxics")).toEqual({ status: 200, body: [timeout, latency] });
  expect((await api("GET", "/proxies/p")).body).toMatchObject({ toxics: [timeout, latency] });
  expect(await api("GET", "/proxies/p/toxics/t")).toEqual({ status: 200, body: timeout });
  const change = { name: "x", type: "slicer", stream: "upstream", attributes: { jitter: 2 }, toxicity: 0.5 };
  const changed = { ...latency, attributes: { latency: 5, jitter: 2 }, toxicity: 0.5 };
  for (const method of ["POST", "PATCH"]) {
    const answer = await api(method, "/proxies/p/toxics/latency_downstream", change);
    expect(answer).toEqual({ status: 200, body: changed });
  }
  expect(await api("DELETE", "/proxies/p/toxics/t")).toEqual({ status: 204, body: null });
  expect(await api("GET", "/proxies/p/toxics")).toEqual({ status: 200, body: [changed] });
});

test("every type of toxic is there, with its attributes at 0", async () => {
  await api("POST", "/proxies", PROXY);
  for (const [type, attributes] of Object.entries({
    latency: { latency: 0, jitter: 0 },
    bandwidth: { rate: 0 },
    slow_close: { delay: 0 },
    timeout: { timeout: 0 },
    reset_peer: { timeout: 0 },
    slicer: { average_size: 0, size_variation: 0, delay: 0 },
    limit_data: { bytes: 0 },
  })) {
    const { status, body } = await api("POST", "/proxies/p/toxics", { type });
    expect([status, body]).toMatchObject([200, { type, attributes, name: `${type}_downstream` }]);
  }
});

test("reset enables every proxy and removes every toxic", async () => {
  await api("POST", "/proxies", { ...PROXY, enabled: false });
  await api("POST", "/proxies/p/toxics", LATENCY);
  expect(await api("POST", "/reset")).toEqual({ status: 204, body: null });
  const { body } = await api("GET", "/proxies/p");
  expect(body).toEqual({ ...listening, enabled: true, toxics: [] });
});

test("populate makes what is missing, keeps what is the same, replaces what has moved", async () => {
  const list = [PROXY, { ...PROXY, name: "off", enabled: false, listen: "127.0.0.1:1" }];
  const { status, body } = await api("POST", "/populate", list);
  expect(status).toBe(201);
  expect(body).toMatchObject({
    proxies: [
      { name: "p", enabled: true },
      { name: "off", enabled: false },
    ],
  });
  await api("POST", "/proxies/p/toxics", LATENCY);
  const listen = server.proxies.get("p").listen;
  await api("POST", "/populate", [{ ...PROXY, listen }]);
  expect((await api("GET", "/proxies/p")).body).toMatchObject({ listen, toxics: [latency] });
  await api("POST", "/populate", [{ ...PROXY, upstream: "127.0.0.1:10" }]);
  expect((await api("GET", "/proxies/p")).body).toMatchObject({ upstream: "127.0.0.1:10", toxics: [] });
});

test("populate changes nothing when one entry is wrong", async () => {
  const cases: [unknown, string][] = [
    [[PROXY, { upstream: "x:1" }], "missing required field: name at proxy 2"],
    [[PROXY, { name: "q" }], "missing required field: upstream at proxy 2"],
    [[PROXY, PROXY], 'bad request body: duplicate proxy name "p"'],
    [PROXY, "bad request body: the body must be a list of proxies"],
    [[PROXY, { ...PROXY, name: "q", listen: "local373" }], "listen tcp local373: missing port in address"],
  ];
  for (const [body, error] of cases) {
    expect(await api("POST", "/populate", body)).toEqual({
      status: 400,
      body: { error, status: 400, proxies: [] },
    });
    expect(server.proxies.all()).toEqual([]);
  }
});

test("bodies that are wrong get 400, in Toxiproxy's words", async () => {
  await api("POST", "/proxies", PROXY);
  const toxics = "/proxies/p/toxics";
  const stream = "stream was invalid, can be either upstream or downstream";
  for (const [path, body, error] of [
    ["/proxies", {}, "missing required field: name"],
    ["/proxies", null, "missing required field: name"],
    ["/proxies", { name: "q" }, "missing required field: upstream"],
    ["/proxies", "", "bad request body: EOF"],
    ["/proxies", [], "bad request body: the body must be an object"],
    ["/proxies", { ...PROXY, name: 1 }, "bad request body: name must be a string"],
    ["/proxies", { ...PROXY, enabled: "yes" }, "bad request body: enabled must be true or false"],
    [
      "/proxies",
      { ...PROXY, name: "q", upstream: "x" },
      'bad request body: upstream: missing port in address: "x"',
    ],
    [
      "/proxies",
      { ...PROXY, name: "q", listen: "127.0.0.1:x" },
      "listen tcp 127.0.0.1:x: port is not a number from 0 to 65535",
    ],
    ["/proxies/p", { upstream: 5 }, "bad request body: upstream must be a string"],
    [toxics, {}, "invalid toxic type"],
    [toxics, { type: "toString" }, "invalid toxic type"],
    [toxics, { ...LATENCY, stream: "sideways" }, stream],
    [toxics, { ...LATENCY, toxicity: "all" }, "bad request body: toxicity must be a number"],
    [toxics, { ...LATENCY, attributes: { latency: "5" } }, "bad request body: latency must be a number"],
    [
      toxics,
      { ...LATENCY, attributes: { latency: 1.5 } },
      "bad request body: latency must be a whole number of at least 0",
    ],
    [
      toxics,
      { ...LATENCY, attributes: { latency: -1 } },
      "bad request body: latency must be a whole number of at least 0",
    ],
    [toxics, { ...LATENCY, attributes: [] }, "bad request body: attributes must be an object"],
  ] as const) {
    expect(await api("POST", path, body)).toEqual(refused(400, error));
  }
  for (const path of ["/proxies", "/populate", "/proxies/p", toxics]) {
    const { status, body } = await api("POST", path, "{not json");
    expect([status, body]).toMatchObject([400, { error: expect.stringMatching(/^bad request body: /) }]);
  }
  expect(await api("GET", toxics)).toEqual({ status: 200, body: [] });
});

test("an address in use is refused, and leaves nothing behind", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const address = other.address();
  const listen = typeof address === "object" ? `127.0.0.1:${address?.port}` : "";
  const answer = await api("POST", "/proxies", { ...PROXY, listen });
  other.close();
  expect(answer).toEqual(refused(400, `listen tcp ${listen}: bind: address already in use`));
  expect(server.proxies.all()).toEqual([]);
});

test("names that are unknown get 404, names that are taken 409", async () => {
  await api("POST", "/proxies", PROXY);
  await api("POST", "/proxies/p/toxics", LATENCY);
  const gone = [
    ["GET", "/proxies/q"],
    ["POST", "/proxies/q"],
    ["PATCH", "/proxies/q"],
    ["DELETE", "/proxies/q"],
    ["GET", "/proxies/q/toxics"],
    ["POST", "/proxies/q/toxics"],
    ["GET", "/proxies/q/toxics/t"],
    ["DELETE", "/proxies/q/toxics/t"],
    ["GET", "/proxies/__proto__"],
  ] as const;
  for (const [method, path] of gone) expect(await api(method, path)).toEqual(refused(404, "proxy not found"));
  for (const method of ["GET", "POST", "PATCH", "DELETE"]) {
    expect(await api(method, "/proxies/p/toxics/t")).toEqual(refused(404, "toxic not found"));
  }
  expect(await api("POST", "/proxies", PROXY)).toEqual(refused(409, "proxy already exists"));
  const taken = { ...LATENCY, name: "latency_downstream", stream: "upstream" };
  expect(await api("POST", "/proxies/p/toxics", taken)).toEqual(refused(409, "toxic already exists"));
});

test("names with any character work", async () => {
  for (const name of ["a b", "a/b", "é", "%", "__proto__", "..;", "toxics"]) {
    expect((await api("POST", "/proxies", { ...PROXY, name })).status).toBe(201);
    const path = `/proxies/${encodeURIComponent(name)}`;
    expect((await api("GET", path)).body).toMatchObject({ name });
    expect((await api("POST", `${path}/toxics`, { ...LATENCY, name })).status).toBe(200);
    expect((await api("DELETE", `${path}/toxics/${encodeURIComponent(name)}`)).status).toBe(204);
    expect(Object.keys((await api("GET", "/proxies")).body as object)).toContain(name);
    expect((await api("DELETE", path)).status).toBe(204);
  }
});

test("names of fields are read in any case, unknown ones ignored, whatever the Content-Type", async () => {
  const response = await fetch(`${server.url}/proxies`, {
    method: "POST",
    body: JSON.stringify({ Name: "p", LISTEN: "localhost:0", Upstream: "x:1", more: 1, enabled: null }),
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
  expect([response.status, await response.json()]).toMatchObject([201, { name: "p", enabled: true }]);
});

test("routes that are unknown get 404, methods 405 with what is allowed", async () => {
  for (const path of ["/", "/proxies/", "/proxies/p/x", "/proxies/p/toxics/t/x", "/proxies/:proxy/x", "//"]) {
    expect(await api("GET", path)).toEqual(refused(404, "404 page not found"));
  }
  const response = await fetch(`${server.url}/proxies/p`, { method: "PUT" });
  expect(response.status).toBe(405);
  expect(response.headers.get("Allow")).toBe("GET, POST, PATCH, DELETE");
});

test("a browser is refused everywhere", async () => {
  for (const path of ["/proxies", "/version", "/metrics"]) {
    const response = await fetch(server.url + path, { headers: { "User-Agent": "Mozilla/5.0 (X11)" } });
    expect([response.status, await response.json()]).toEqual([
      403,
      { error: "User agent not allowed", status: 403 },
    ]);
  }
});

test("a body that is too large gets 413, announced or not", async () => {
  const large = "x".repeat(MAX_BODY + 1);
  expect((await api("POST", "/proxies", large)).status).toBe(413);
  const body = new Blob([large]).stream();
  expect((await fetch(`${server.url}/proxies`, { method: "POST", body })).status).toBe(413);
});

test("version names the contract", async () => {
  expect(await api("GET", "/version")).toEqual({ status: 200, body: { version: API_VERSION } });
});

test("metrics count bytes by proxy and direction, and connections", async () => {
  const echo = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await new Promise((resolve) => echo.once("listening", resolve));
  const address = echo.address();
  const upstream = typeof address === "object" ? `127.0.0.1:${address?.port}` : "";
  await api("POST", "/proxies", { ...PROXY, upstream });
  const listen = server.proxies.get("p").listen;
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(listen.split(":")[1]),
    socket: { data: () => resolve() },
  });
  client.write("12345");
  await promise;
  const response = await fetch(`${server.url}/metrics`);
  const text = await response.text();
  expect(response.headers.get("Content-Type")).toContain("text/plain; version=0.0.4");
  for (const way of ["received", "sent"]) {
    for (const direction of ["upstream", "downstream"]) {
      const labels = `direction="${direction}",proxy="p",listener="${listen}",upstream="${upstream}"`;
      expect(text).toContain(`toxiproxy_proxy_${way}_bytes_total{${labels}} 5\n`);
    }
  }
  expect(text).toContain('toxiproxy_proxy_connections{proxy="p"} 1\n');
  expect(text).toContain('toxiproxy_proxy_connections_total{proxy="p"} 1\n');
  client.terminate();
  echo.close();
});

test("with a token, only requests that carry it are answered", async () => {
  await using guarded = await startWithToken("s3cret");
  for (const Authorization of ["", "Bearer", "Bearer wrong", "Basic s3cret"]) {
    const response = await fetch(`${guarded.url}/proxies`, { headers: { Authorization } });
    expect([response.status, await response.json()]).toEqual([401, { error: "unauthorized", status: 401 }]);
    expect(response.headers.get("WWW-Authenticate")).toBe("Bearer");
  }
  const response = await fetch(`${guarded.url}/proxies`, { headers: { Authorization: "Bearer s3cret" } });
  expect(response.status).toBe(200);
});

async function startWithToken(token: string): Promise<ToxiproxyServer & AsyncDisposable> {
  const started = await startToxiproxy({ host: "127.0.0.1", port: 0, seed: 1, token });
  return { ...started, [Symbol.asyncDispose]: () => started.stop() };
}

import { afterAll, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chaoslab, oneLine, start } from "../support.ts";
import { Client, call, echo, upstream } from "./kit.ts";

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-toxiproxy-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return path;
}

test("the binary serves a configured proxy, and stops on SIGTERM", async () => {
  await using behind = await upstream(echo);
  const config = file(
    "proxies.json",
    JSON.stringify([{ name: "p", listen: "localhost:0", upstream: behind.address }]),
  );
  const child = start(["toxiproxy", "--port", "0", "--config", config, "--seed", "7"]);
  try {
    let said = "";
    for await (const chunk of child.stdout) {
      said += new TextDecoder().decode(chunk);
      if (said.includes("->")) break;
    }
    const url = /listening on (\S+), seed 7\n/.exec(said)?.[1] ?? "";
    const port = Number(/p: 127\.0\.0\.1:(\d+) -> /.exec(said)?.[1]);
    await call(url, "POST", "/proxies/p/toxics", { type: "latency", attributes: { latency: 50 } });
    const client = await Client.connect(port);
    expect(await client.roundTrip()).toBeGreaterThan(48);
    child.kill("SIGTERM");
    await client.closed();
    expect(await child.exited).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
});

test("a taken port ends with 5, for the API and for a proxy of the file", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  const api = await chaoslab(["toxiproxy", "--port", port]);
  expect([api.code, oneLine(api)]).toEqual([
    5,
    expect.stringContaining(`127.0.0.1:${port} is already in use`),
  ]);
  const config = file(
    "taken.json",
    JSON.stringify([{ name: "p", listen: `127.0.0.1:${port}`, upstream: "x:1" }]),
  );
  const proxy = await chaoslab(["toxiproxy", "--port", "0", "--config", config]);
  expect([proxy.code, oneLine(proxy)]).toEqual([5, expect.stringContaining("address already in use")]);
  other.close();
});

test.each([
  [["--host", "0.0.0.0"], 2, "is not loopback, so a token is needed"],
  [["--host", "198.18.0.1"], 2, "is not loopback, so a token is needed"],
  [["--host", "192.0.2.1", "--token", "0123456789abcdef"], 2, "cannot listen on 192.0.2.1:8474"],
  [["--port", "70000"], 2, '--port: "70000" is not a whole number from 0 to 65535'],
  [["--port", "x"], 2, "--port"],
  [["--seed", "1.5"], 2, "--seed"],
  [["--token", "two words of a secret"], 2, "--token"],
  [["--token", "short"], 2, "--token: at least 16"],
  [["--bogus"], 2, "--bogus"],
  [["--config", "/no/such.json", "--port", "0"], 104, "/no/such.json: no such file"],
] as const)("toxiproxy %j ends with %i in one line", async (args, code, says) => {
  const finished = await chaoslab(["toxiproxy", ...args]);
  expect([finished.code, oneLine(finished)]).toEqual([code, expect.stringContaining(says)]);
});

test("a wrong file is refused in one line that says where", async () => {
  for (const [content, says] of [
    ["{", "bad request body"],
    ["{}", "must be a list of proxies"],
    ['[{"upstream":"x:1"}]', "missing required field: name at proxy 1"],
  ] as const) {
    const config = file("wrong.json", content);
    const finished = await chaoslab(["toxiproxy", "--port", "0", "--config", config]);
    expect([finished.code, oneLine(finished)]).toEqual([104, expect.stringContaining(says)]);
  }
});

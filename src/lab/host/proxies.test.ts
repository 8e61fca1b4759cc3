/** Proxies on a server that was there before, against a real one that turns hostile. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProxies, proxiesOf, removeProxies, TOKEN_VARIABLE, writeProxyFiles } from "./proxies.ts";
import { LabPaths, type LabRecord, reserveLab } from "./record.ts";

let root: string;
let server: Bun.Server<undefined>;
let record: LabRecord;
/** What the server was asked, and what it asks for. */
let asked: string[];
let token: string;
const before = { home: process.env.CHAOSLAB_HOME, token: process.env[TOKEN_VARIABLE] };

const put = (name: string, value: string | undefined): void => {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "chaoslab-proxies-"));
  process.env.CHAOSLAB_HOME = root;
  asked = [];
  token = "first";
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      asked.push(request.method);
      if (request.headers.get("authorization") !== `Bearer ${token}`)
        return Response.json({ error: "no" }, { status: 401 });
      return request.method === "DELETE"
        ? new Response(null, { status: 204 })
        : Response.json({ proxies: [] }, { status: 201 });
    },
  });
  record = reserveLab("a", () => false, { toxiproxy: { url: server.url.origin } });
});
afterEach(async () => {
  await server.stop(true);
  rmSync(root, { recursive: true, force: true });
  put("CHAOSLAB_HOME", before.home);
  put(TOKEN_VARIABLE, before.token);
});

test("a server that refused the lab is not asked to remove what was never made", async () => {
  put(TOKEN_VARIABLE, "wrong");
  writeProxyFiles(record);
  await expect(createProxies(record)).rejects.toThrow("401 no");
  expect(existsSync(new LabPaths("a").proxiesMade)).toBeFalse();
  asked = [];
  await removeProxies(record);
  expect(asked).toEqual([]);
});

test("what was made is removed with the lab's token, or with a newer one from the environment", async () => {
  put(TOKEN_VARIABLE, "first");
  writeProxyFiles(record);
  put(TOKEN_VARIABLE, undefined);
  await createProxies(record);
  asked = [];
  await removeProxies(record);
  expect(asked).toEqual(proxiesOf(record).map(() => "DELETE"));
  token = "second";
  await expect(removeProxies(record)).rejects.toThrow("401 no");
  put(TOKEN_VARIABLE, "second");
  await removeProxies(record);
});

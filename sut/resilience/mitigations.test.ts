import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, Env } from "../common/config.ts";
import { observed } from "../common/http-server.ts";
import { Log } from "../common/log.ts";
import { Metrics } from "../common/metrics.ts";
import { MITIGATIONS, Mitigations } from "./mitigations.ts";
import { Resilience } from "./resilience.ts";

describe("at the start", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mitigations-"));
    file = join(folder, "mitigations.json");
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const names = (values: Record<string, string>) => Mitigations.fromEnv(new Env("orders", values)).names;

  test("nothing is on unless it is asked for", () => {
    expect(names({})).toEqual([]);
    expect(names({ MITIGATIONS: "breaker,timeout" })).toEqual(["timeout", "breaker"]);
  });

  test("the file wins where it exists", async () => {
    const both = { MITIGATIONS: "all", MITIGATIONS_FILE: file };
    expect(names(both)).toEqual([...MITIGATIONS]);
    await Bun.write(file, '{"mitigations": ["outbox"]}');
    expect(names(both)).toEqual(["outbox"]);
    await Bun.write(file, '{"mitigations": "none"}');
    expect(names(both)).toEqual([]);
  });

  test.each(['{"mitigations": ["bogus"]}', '{"mitigations": 1}', "[]", "{", ""])(
    "a file with %p is refused in one line",
    async (text) => {
      await Bun.write(file, text);
      const read = () => names({ MITIGATIONS_FILE: file });
      expect(read).toThrow(ConfigError);
      expect(read).toThrow(/^orders: MITIGATIONS: [^\n]+$/);
    },
  );

  test("an unknown name is refused with those there are", () => {
    expect(() => names({ MITIGATIONS: "brakes" })).toThrow(/orders: MITIGATIONS: .*"brakes".*breaker/);
  });
});

describe("over HTTP", () => {
  const metrics = new Metrics("orders-1");
  const mitigations = new Mitigations();
  const app = observed({
    metrics,
    log: new Log("test", () => {}),
    resilience: new Resilience(mitigations, metrics),
  });
  beforeAll(() => void app.listen({ hostname: "127.0.0.1", port: 0 }));
  afterAll(() => app.server?.stop(true));
  const url = (path: string) => `http://127.0.0.1:${app.server?.port}${path}`;
  const put = (body: string) =>
    fetch(url("/mitigations"), { method: "PUT", headers: { "content-type": "application/json" }, body });
  const enabled = async () => {
    const text = await (await fetch(url("/metrics"))).text();
    const lines = text.matchAll(
      /^chaoslab_mitigation_enabled\{mitigation="(\w+)",node="orders-1"\} ([01])$/gm,
    );
    return new Map([...lines].map(([, name, value]) => [name, value]));
  };

  test("they are told, switched, and seen in metrics", async () => {
    expect(await (await fetch(url("/mitigations"))).json()).toEqual({
      mitigations: [],
      accepted: [...MITIGATIONS],
    });
    const answer = await put('{"mitigations": ["draining", "timeout"]}');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ mitigations: ["timeout", "draining"] });
    expect(mitigations.on("timeout")).toBeTrue();
    const shown = await enabled();
    expect(shown.size).toBe(MITIGATIONS.length);
    for (const name of MITIGATIONS) expect(shown.get(name)).toBe(mitigations.on(name) ? "1" : "0");
    expect(await (await put('{"mitigations": "all"}')).json()).toMatchObject({
      mitigations: [...MITIGATIONS],
    });
    expect(await (await put('{"mitigations": "none"}')).json()).toMatchObject({ mitigations: [] });
  });

  test.each([
    '{"mitigations": ["timeout", "bogus"]}',
    '{"mitigations": "bogus"}',
    '{"mitigation": []}',
    "{}",
  ])("%s is refused and changes nothing", async (body) => {
    await put('{"mitigations": ["outbox"]}');
    const answer = await put(body);
    expect(answer.status).toBe(422);
    const { error } = (await answer.json()) as { error: string };
    expect(error).toMatch(body.includes("bogus") ? /^no such mitigation: "bogus"; accepted: .*outbox/ : /./);
    expect(mitigations.names).toEqual(["outbox"]);
  });
});

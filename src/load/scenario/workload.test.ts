// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how a scenario writes a variable.
import { describe, expect, test } from "bun:test";
import { parseScenario, targetsOf } from "./file.ts";
import { type CompiledScenario, compileScenario } from "./workload.ts";

/** A scenario on one target, from the rest of its YAML. */
function compile(yaml: string, seed = 1): CompiledScenario {
  const source = `name: test\ntargets: { one: "http://h:81/base/" }\n${yaml}`;
  const scenario = parseScenario(source, "s.yaml");
  return compileScenario(scenario, targetsOf(scenario, "s.yaml", new Map()), seed);
}

const text = (payload: string | Uint8Array): string => Buffer.from(payload).toString();
const payloads = ({ workload }: CompiledScenario, count: number): string[] =>
  Array.from({ length: count }, (_, index) => text(workload.request(index).payload));
const answer = (status: number, body = "", head = "") => ({
  status,
  degraded: false,
  body: Buffer.from(body),
  head: `HTTP/1.1 ${status} X\r\n${head}`,
});

/** Pearson's statistic: how far counts are from what the weights let expect. */
function chiSquare(counts: readonly number[], weights: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.reduce((sum, weight, i) => {
    const expected = (total * weight) / all;
    return sum + ((counts[i] ?? 0) - expected) ** 2 / expected;
  }, 0);
}

describe("requests", () => {
  test("are written as HTTP/1.1, after the target's own path", () => {
    const [get = ""] = payloads(compile("operations: [{ name: a, method: GET, path: /x?y=1 }]"), 1);
    expect(get).toBe("GET /base/x?y=1 HTTP/1.1\r\nHost: h:81\r\nUser-Agent: chaoslab\r\nAccept: */*\r\n\r\n");
    const [post = ""] = payloads(
      compile(
        'operations: [{ name: a, method: POST, path: /, headers: { accept: a/b }, json: { a: [1, "é"] } }]',
      ),
      1,
    );
    expect(post).toBe(
      'POST /base/ HTTP/1.1\r\nHost: h:81\r\nUser-Agent: chaoslab\r\nContent-Type: application/json\r\naccept: a/b\r\nContent-Length: 18\r\n\r\n{"a":[1,"\\u00e9"]}',
    );
    const [empty = ""] = payloads(compile("operations: [{ name: a, method: PUT, path: / }]"), 1);
    expect(empty).toEndWith("Content-Length: 0\r\n\r\n");
  });

  test("escape a variable where it stands", () => {
    const nasty = 'a/b?c&"\\é\n${n}';
    const compiled = compile(`
variables: { v: { choice: [${JSON.stringify(nasty)}] } }
operations: [{ name: a, method: POST, path: "/\${v}?q=\${v}", json: { "k": "<\${v}>" } }]`);
    const [request = ""] = payloads(compiled, 1);
    const path = `/${encodeURIComponent(nasty)}?q=${encodeURIComponent(nasty)}`;
    expect(request).toStartWith(`POST /base${path} HTTP/1.1\r\n`);
    expect(JSON.parse(request.split("\r\n\r\n")[1] ?? "")).toEqual({ k: `<${nasty}>` });
  });

  test("count the bytes of a body that is not ASCII, constant or not", () => {
    for (const body of ["é€", "é${v}"]) {
      const { workload } = compile(`
variables: { v: { choice: [€] } }
operations: [{ name: a, method: POST, path: /, body: "${body}" }]`);
      const { payload } = workload.request(0);
      expect(payload).toBeInstanceOf(Uint8Array);
      expect(text(payload)).toEndWith("Content-Length: 5\r\n\r\né€");
    }
  });

  test("send a lone variable in JSON as its own type, and any other as text", () => {
    const [request = ""] = payloads(
      compile(`
variables:
  n: { int: { min: 7, max: 7 } }
  padded: { int: { min: 7, max: 7, digits: 3 } }
  flag: { choice: [true] }
  word: { choice: [é] }
operations:
  - name: a
    method: POST
    path: /
    json: { n: "\${n}", text: "\${n}.", padded: "\${padded}", flag: "\${flag}", word: "\${word}", at: "\${index}", plain: "$\${n}" }`),
      1,
    );
    expect(JSON.parse(request.split("\r\n\r\n")[1] ?? "")).toEqual({
      n: 7,
      text: "7.",
      padded: "007",
      flag: true,
      word: "é",
      at: 0,
      plain: "${n}",
    });
  });

  const SEEDED = `
variables:
  n: { int: { min: -5, max: 1000000 } }
  u: { uuid: true }
  s: { string: { length: 20 } }
  c: { choice: [a, b, c] }
tenants: { names: [x, y] }
operations:
  - { name: a, method: GET, path: "/\${n}/\${u}/\${s}/\${c}/\${tenant}/\${index}" }
  - { name: b, method: POST, path: /, json: { n: "\${n}" } }`;

  test("are a function of seed and index, in whatever order they are asked for", () => {
    const forward = payloads(compile(SEEDED), 500);
    const { workload } = compile(SEEDED);
    for (let i = 499; i >= 0; i--) expect(text(workload.request(i).payload)).toBe(forward[i] ?? "");
    expect(new Set(forward).size).toBeGreaterThan(490);
    expect(payloads(compile(SEEDED, 2), 500)).not.toEqual(forward);
    const paths = forward.flatMap((each) => /^GET \/base(\S+)/.exec(each)?.[1] ?? []);
    const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    const shape = new RegExp(`^/-?\\d+/${uuid}/[0-9a-z]{20}/[abc]/[xy]/\\d+$`);
    for (const path of paths) expect(path).toMatch(shape);
  });

  test("keep to the weights of operations, tenants and choices", () => {
    const { workload } = compile(`
variables: { c: { choice: [a, b, c], weights: [1, 0, 3] } }
tenants: { count: 4, weights: zipf }
operations:
  - { name: a, method: GET, path: "/\${c}", weight: 5 }
  - { name: b, method: GET, path: "/\${c}", weight: 0.5 }
  - { name: c, method: GET, path: "/\${c}" }`);
    const operations = [0, 0, 0];
    const tenants = [0, 0, 0, 0];
    const choices = [0, 0];
    for (let i = 0; i < 50_000; i++) {
      const { operation, tenant, payload } = workload.request(i);
      operations[operation] = (operations[operation] ?? 0) + 1;
      tenants[tenant] = (tenants[tenant] ?? 0) + 1;
      const choice = ["/base/a", "/base/c"].indexOf(text(payload).split(" ")[1] ?? "");
      expect(choice).not.toBe(-1);
      choices[choice] = (choices[choice] ?? 0) + 1;
    }
    // Each is above 20 by chance once in ten thousand times or less; the seed is fixed.
    expect(chiSquare(operations, [5, 0.5, 1])).toBeLessThan(20);
    expect(chiSquare(tenants, [1, 1 / 2, 1 / 3, 1 / 4])).toBeLessThan(20);
    expect(chiSquare(choices, [1, 3])).toBeLessThan(20);
  });

  test("bring their thresholds along, by operation", () => {
    const { workload } = compile(
      'operations: [{ name: a b, method: GET, path: /, slo: [" p99 < 250 ms ", error_rate < 1 % for 10s] }]',
    );
    expect(workload.slos).toEqual(["a b: p99 < 250 ms", "a b: error_rate < 1 % for 10s"]);
  });

  test("show captures by name and control characters by sight, each request on one line", () => {
    const { workload } = compile(`
variables: { n: { int: { min: 3, max: 3 } } }
operations:
  - name: a
    method: POST
    path: /\${id}/\${n}
    headers: { X-Id: "\${id}" }
    body: "\${id}\\t\\n"
    capture: { id: { json: id, initial: "0" } }`);
    expect(workload.columns(0)).toEqual([
      ...["a", "tenant-01", "POST", "http://h:81/base/${id}/3", "X-Id: ${id}", "${id}\\t\\n"],
    ]);
  });
});

describe("captures", () => {
  const CAPTURING = `
tenants: { count: 2 }
operations:
  - name: a
    method: POST
    path: /\${id}
    headers: { X-Id: "\${id}" }
    json: { id: "\${id}" }
    capture: { id: { json: items.0.id, initial: none } }`;

  test("are the latest of their tenant, escaped where they stand", () => {
    const { workload } = compile(CAPTURING);
    const of = (tenant: number) => {
      const found = Array.from({ length: 50 }, (_, i) => workload.request(i)).find(
        (each) => each.tenant === tenant,
      );
      if (!found?.judge) throw new Error("no request of this tenant");
      return { text: text(found.payload), judge: found.judge };
    };
    expect(of(0).text).toContain("POST /base/none HTTP/1.1\r\nHost: h:81\r\n");
    expect(of(0).judge(answer(201, '{"items":[{"id":"a/\\"b"}]}'))).toBe("2xx");
    expect(of(0).text).toStartWith("POST /base/a%2F%22b HTTP/1.1\r\n");
    expect(of(0).text).toContain('X-Id: a/"b\r\n');
    expect(of(0).text).toEndWith('{"id":"a/\\"b"}');
    expect(of(1).text).toStartWith("POST /base/none ");
    expect(of(0).judge(answer(201, '{"items":[{"id":17}]}'))).toBe("2xx");
    expect(of(0).text).toStartWith("POST /base/17 ");
  });

  test.each([
    ["is not there", '{"items":[]}'],
    ["is empty", '{"items":[{"id":""}]}'],
    ["is no plain value", '{"items":[{"id":{}}]}'],
    ["is inherited", '{"items":{"0":{}}}'],
    ["would end a header's line", '{"items":[{"id":"a\\r\\nX-Evil: 1"}]}'],
    ["stands in what is no JSON", "<html>"],
  ])("that %s are not taken, and the answer is unexpected", (_, body) => {
    const { workload } = compile(CAPTURING);
    expect(workload.request(0).judge?.(answer(200, body))).toBe("unexpected");
    for (const payload of payloads({ workload, setup: [] }, 20))
      expect(payload).toStartWith("POST /base/none ");
  });

  test("come from a header too, and never from an error that is expected", () => {
    const { workload } = compile(`
operations:
  - name: a
    method: GET
    path: /\${at}
    expect: { status: [2xx, 404] }
    capture: { at: { header: Location, initial: none } }`);
    const request = workload.request(0);
    expect(request.wantsBody).toBe(true);
    expect(request.judge?.(answer(404, "", "Location: /lost"))).toBe("expected");
    expect(text(workload.request(0).payload)).toStartWith("GET /base/none ");
    expect(request.judge?.(answer(200, "", "X-Location: no\r\nlocation:  /b \r\nVia: c"))).toBe("2xx");
    expect(text(workload.request(0).payload)).toStartWith("GET /base/%2Fb ");
    expect(request.judge?.(answer(200))).toBe("unexpected");
  });
});

describe("expectations", () => {
  const judgeOf = (expectation: string) => {
    const { workload } = compile(`operations: [{ name: a, method: GET, path: /, expect: ${expectation} }]`);
    return (status: number, body = "") => workload.request(0).judge?.(answer(status, body));
  };

  test("of a status", () => {
    const judge = judgeOf("{ status: [200, 4xx] }");
    expect([200, 201, 302, 404, 500].map((status) => judge(status))).toEqual([
      ...(["2xx", "unexpected", "unexpected", "expected", "5xx"] as const),
    ]);
  });

  test("of a body, its text and its values", () => {
    const judge = judgeOf("{ json: { a.b.0: 1, c: null, d: x }, body_contains: x }");
    const good = '{"a":{"b":[1]},"c":null,"d":"x"}';
    expect(judge(200, good)).toBe("2xx");
    expect(judge(200, good.replace("1", '"1"'))).toBe("unexpected");
    expect(judge(200, good.replace("null", "0"))).toBe("unexpected");
    expect(judge(200, good.replace("x", "y"))).toBe("unexpected");
    expect(judge(200, "")).toBe("unexpected");
    expect(judge(503, good)).toBe("5xx");
  });

  test("that are about the status alone, or not there, leave the body unread", () => {
    const of = (yaml: string) =>
      compile(`operations: [{ name: a, method: GET, path: /${yaml} }]`).workload.request(0);
    expect(of("")).toMatchObject({ wantsBody: false, judge: null });
    expect(of(", expect: { status: 2xx }").wantsBody).toBe(false);
    expect(of(", expect: { body_contains: x }").wantsBody).toBe(true);
  });
});

import { expect, test } from "bun:test";
import { type Annotation, Grafana } from "./grafana.ts";

const annotation: Annotation = {
  time: 1_790_000_000_000,
  timeEnd: 1_790_000_120_000,
  tags: ["chaoslab", "latency", "payments", "failed"],
  text: "payments-200ms-bare: latency on payments by netem, failed",
};

test("an annotation is posted below the address' path, with the token", async () => {
  const asked: { path: string; token: string | null; body: unknown }[] = [];
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const token = request.headers.get("authorization");
      asked.push({ path: new URL(request.url).pathname, token, body: await request.json() });
      return Response.json({ id: 1, message: "Annotation added" });
    },
  });
  await new Grafana(`${server.url.origin}/grafana/`, "secret").annotate(annotation);
  expect(asked).toEqual([{ path: "/grafana/api/annotations", token: "Bearer secret", body: annotation }]);
});

test("a Grafana that refuses, sends elsewhere or is not there is told of in one line", async () => {
  let answer = new Response("no", { status: 401 });
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => answer });
  const { origin } = server.url;
  const grafana = new Grafana(origin, null);
  await expect(grafana.annotate(annotation)).rejects.toThrow(`grafana: ${origin}: answered 401`);
  answer = new Response(null, { status: 302, headers: { location: "/login" } });
  await expect(grafana.annotate(annotation)).rejects.toThrow("answered 302");
  await server.stop(true);
  await expect(grafana.annotate(annotation)).rejects.toThrow(/^grafana: http:\/\/127\.0\.0\.1:\d+: [^\n]+$/);
});

test.each(["", "127.0.0.1:3000", "ftp://127.0.0.1", "http://user:secret@127.0.0.1"])("%p is refused", (url) =>
  expect(() => new Grafana(url, null)).toThrow(/^--grafana: [^\n]+ is not an address such as/),
);

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { page } from "./page.ts";

const HOSTILE = `</script></style><script>alert("1")</script><!--`;

test("hostile texts in title, data, style and script end nothing, and the policy names exactly what is there", () => {
  const { html, policy } = page({
    title: HOSTILE,
    style: `a::after { content: "${HOSTILE}" }`,
    script: `const text = ${JSON.stringify(HOSTILE)};`,
    body: "<p>body</p>",
    data: { text: HOSTILE },
  });
  expect(html.match(/<\/script>/g)).toHaveLength(2);
  const inside = (open: string, close: string): string => html.split(open)[1]?.split(close)[0] ?? "";
  const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  expect(policy).toContain(`script-src ${hash(inside("</script>\n<script>", "</script>"))};`);
  expect(policy).toContain(`style-src ${hash(inside("<style>", "</style>"))};`);
  expect(JSON.parse(inside('id="data">', "</script>"))).toEqual({ text: HOSTILE });
});

test("a page may ask its server only if it says so; without data none is left", () => {
  const parts = { title: "t", style: "", script: "", body: "" };
  expect(page(parts).policy).toContain("connect-src 'none'");
  expect(page({ ...parts, connects: true }).policy).toContain("connect-src 'self'");
  expect(page(parts).html).not.toContain("application/json");
});

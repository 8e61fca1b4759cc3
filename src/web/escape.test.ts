import { expect, test } from "bun:test";
import { escapeScript, escapeXml, scriptJson } from "./escape.ts";

test("text stays text", () => {
  expect(escapeXml(`<b a="1">&`)).toBe("&lt;b a=&quot;1&quot;&gt;&amp;");
});

test.each([["</script>"], ["</SCRIPT >"], ["<!-- <script>"]])("%j ends no script", (text) => {
  const code = escapeScript(JSON.stringify(text));
  expect(code).not.toMatch(/<\/script|<!--/i);
  expect(JSON.parse(code.replace("\\!", "!"))).toBe(text);
  expect(scriptJson({ text })).not.toContain("<");
  expect(JSON.parse(scriptJson({ text }))).toEqual({ text });
});

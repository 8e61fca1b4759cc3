/**
 * A page in one response: markup, style and script, and a policy (CSP level 3) by which nothing else runs or is loaded.
 * @module
 */
import { createHash } from "node:crypto";
import { escapeScript, escapeXml, scriptJson } from "./escape.ts";

export interface PageParts {
  title: string;
  /** CSS. */
  style: string;
  /** JavaScript, run once the body is there. */
  script: string;
  /** Markup. Texts from elsewhere in it went through {@link escapeXml}. */
  body: string;
  /** Left in the page as `<script type="application/json" id="data">`; undefined: none. */
  data?: unknown;
  /** Whether the script may ask the server it came from. Default: nobody. */
  connects?: boolean;
}

export interface Page {
  html: string;
  /** Value of Content-Security-Policy. The page has it in a `<meta>` too, for when it is opened from a file. */
  policy: string;
}

export function page({ title, style, script, body, data, connects = false }: PageParts): Page {
  const code = escapeScript(script);
  const css = style.replaceAll("</", "<\\/");
  const meta = [
    "default-src 'none'",
    `script-src ${hashOf(code)}`,
    `style-src ${hashOf(css)}`,
    "img-src data:",
    `connect-src ${connects ? "'self'" : "'none'"}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const left =
    data === undefined ? "" : `<script type="application/json" id="data">${scriptJson(data)}</script>\n`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${meta}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeXml(title)}</title>
<style>${css}</style>
</head>
<body>
${body}
${left}<script>${code}</script>
</body>
</html>
`;
  // The last one is not known in a <meta>.
  return { html, policy: `${meta}; frame-ancestors 'none'` };
}

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

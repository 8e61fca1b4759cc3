/** Text that stays text, wherever in a document it stands. @module */

/** For the text of an element of XML or HTML, and for an attribute's value in double quotes. */
export function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Code for the inside of a `<script>`: nothing in it ends the element (HTML, 4.12.1.3, restrictions for contents). */
export function escapeScript(code: string): string {
  return code.replace(/<\/(script)/gi, "<\\/$1").replaceAll("<!--", "<\\!--");
}

/** JSON for the inside of a `<script type="application/json">`, whatever texts the value holds. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

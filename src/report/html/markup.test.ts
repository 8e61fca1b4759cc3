import { expect, test } from "bun:test";
import { html, listOf, tableOf } from "./markup.ts";

const HOSTILE = `"><script>alert(1)</script>&`;
const ESCAPED = "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;";

test("what is put in is text, wherever it stands, and only markup is markup", () => {
  expect(html`<p id="${HOSTILE}">${HOSTILE}</p>`.text).toBe(`<p id="${ESCAPED}">${ESCAPED}</p>`);
  expect(html`<ul>${["a", "b"].map((each) => html`<li>${each}</li>`)}</ul>`.text).toBe(
    "<ul><li>a</li><li>b</li></ul>",
  );
  expect(html`${1} ${null}|${[HOSTILE, null]}`.text).toBe(`1 |${ESCAPED}`);
});

test("a table keeps its numbers to the right, and tells apart what is out of its bound", () => {
  const table = { title: HOSTILE, heading: ["SLI", ">value"], rows: [[HOSTILE, "23 ms !"]] };
  const { text } = tableOf(table);
  expect(text).toContain(`<caption>${ESCAPED}</caption>`);
  expect(text).toContain('<th scope="col" class="number">value</th>');
  expect(text).toContain(`<th scope="row">${ESCAPED}</th><td class="number out short">23 ms !</td>`);
  expect(tableOf(table, (cell, row, column) => html`<b>${cell}${row}${column}</b>`).text).toContain(
    "<b>23 ms !01</b>",
  );
});

test("a list of names and texts", () => {
  expect(listOf([["load", "1 < 2"]]).text).toContain("<dt>load</dt><dd>1 &lt; 2</dd>");
});

/** Markup put together from parts: what is no markup itself is text, and is escaped. @module */
import { escapeXml } from "../../web/escape.ts";
import type { Table } from "../text.ts";

export class Markup {
  constructor(readonly text: string) {}
}

export type Part = string | number | null | Markup | readonly Part[];

/**
 * @example html`<p id="${name}">${text}</p>`
 * Attributes stand in double quotes; null is nothing; a list is its parts one after the other.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(
    strings.map((string, i) => string + (i < parts.length ? textOf(parts[i] ?? null) : "")).join(""),
  );
}

function textOf(part: Part): string {
  if (part === null) return "";
  if (part instanceof Markup) return part.text;
  if (typeof part === "string" || typeof part === "number") return escapeXml(String(part));
  return part.map(textOf).join("");
}

/** A table as the other reports have it; `cell` may make more of a cell than its text. */
export function tableOf(
  { title, heading, rows }: Table,
  cell: (text: string, row: number, column: number) => Part = (text) => text,
): Markup {
  const classOf = (column: number, text = ""): Markup => {
    const names = [
      ...(heading[column]?.startsWith(">") ? ["number"] : []),
      ...(text.endsWith(" !") ? ["out"] : []),
      // What is short stays on one line.
      ...(text !== "" && text.length < 16 ? ["short"] : []),
    ];
    return names.length === 0 ? html`` : html` class="${names.join(" ")}"`;
  };
  const head = heading.map(
    (name, column) => html`<th scope="col"${classOf(column)}>${name.replace(/^>/, "")}</th>`,
  );
  const body = rows.map(
    (cells, row) =>
      html`<tr>${cells.map((text, column) =>
        column === 0
          ? html`<th scope="row">${cell(text, row, column)}</th>`
          : html`<td${classOf(column, text)}>${cell(text, row, column)}</td>`,
      )}</tr>
`,
  );
  return html`<div class="table"><table>
<caption>${title}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody>
</table></div>
`;
}

/** Names and texts. */
export function listOf(pairs: readonly (readonly [name: string, text: Part])[]): Markup {
  return html`<dl>${pairs.map(([name, text]) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`)}</dl>
`;
}

/** Where it ran, how to run it again, and how to read the numbers. @module */
import type { StoredRun } from "../../experiment/store.ts";
import { commandOf, environmentTable, HOW_TO_READ } from "../markdown.ts";
import { html, type Markup, tableOf } from "./markup.ts";

export function environmentSection(runs: readonly StoredRun[]): Markup {
  return html`<section aria-labelledby="environment">
<h2 id="environment">Environment</h2>
${runs.map(
  ({ document, source }) => html`${tableOf({ title: document.run, ...environmentTable(document) })}
<p>To run it again: <code>${commandOf(document)}</code>, with this schedule.yaml:</p>
<details class="source"><summary>schedule.yaml of ${document.run}</summary>
<pre>${source}</pre>
</details>
`,
)}
<h2 id="reading">How to read it</h2>
<p>${HOW_TO_READ}</p>
</section>
`;
}

/** A result as a mark, a word and a colour: never by colour alone. @module */
import type { Result } from "../../model/verdict.ts";
import { html, type Markup } from "./markup.ts";

export const RESULT_MARKS: Readonly<Record<Result, string>> = {
  held: "✓",
  degraded: "~",
  inconclusive: "?",
  failed: "✗",
};

export const badge = (result: Result, text: string = result): Markup =>
  html`<span class="badge ${result}"><span aria-hidden="true">${RESULT_MARKS[result]}</span> ${text}</span>`;

/**
 * What a list of documents tells of each: its title and how it begins.
 * @module
 */

export interface Outline {
  /** The first heading, without its mark. Empty where there is none. */
  title: string;
  /** The first sentence, up to its full stop, colon or semicolon; without marks of emphasis. Empty where there is none. */
  begins: string;
}

const ITEM = /^([-*]|\d+\.) /;

export function outlineOf(markdown: string): Outline {
  let title = "";
  const paragraph: string[] = [];
  for (const { line, kind } of marked(markdown)) {
    if (kind === "heading" && title === "") title = line.replace(/^#+ /, "");
    // An item of a list is a paragraph of its own.
    const goesOn = kind === "prose" && !(paragraph.length > 0 && ITEM.test(line));
    if (goesOn) paragraph.push(line.trim());
    else if (paragraph.length > 0) break;
  }
  // A term in bold in front of a paragraph is its label, not a sentence.
  const text = paragraph
    .join(" ")
    .replace(ITEM, "")
    .replace(/^\*\*[^*]+\*\* /, "");
  const [sentence = ""] = text.split(/[.:;](?= |$)/, 1);
  return { title, begins: sentence.replaceAll("**", "") };
}

export type LineKind = "heading" | "code" | "prose" | "other";

/** Each line with what it is: a `#` inside of code is no heading. */
export function marked(markdown: string): { line: string; kind: LineKind }[] {
  let fenced = false;
  return markdown.split("\n").map((line) => {
    const fence = line.startsWith("```");
    if (fence) fenced = !fenced;
    if (fence || fenced || line.startsWith("    ")) return { line, kind: "code" };
    if (/^#{1,6} /.test(line)) return { line, kind: "heading" };
    return { line, kind: line === "" || /^[|!]/.test(line) ? "other" : "prose" };
  });
}

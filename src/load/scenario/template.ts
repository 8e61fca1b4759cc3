/**
 * Texts with variables, `${name}`, taken apart once, so that a request is no more than a concatenation.
 * @module
 */

/** A constant text, or the name of a variable. */
export type Piece = { text: string } | { variable: string };

/** What a place holds for one request. */
export type Slot = (index: number, tenant: number) => string;
export type Part = string | Slot;

/** What a value may not break where it stands. */
export const CONTEXTS = ["path", "header", "body", "json"] as const;
export type Context = (typeof CONTEXTS)[number];

/** `$${` stands for `${`. Throws RangeError when a `${` has no `}`. */
export function parseTemplate(template: string): Piece[] {
  const pieces: Piece[] = [];
  let text = "";
  for (let at = 0; at < template.length; ) {
    if (template.startsWith("$${", at)) {
      text += "${";
      at += 3;
    } else if (template.startsWith("${", at)) {
      const end = template.indexOf("}", at);
      if (end < 0) {
        throw new RangeError(
          `${JSON.stringify(template.slice(at, at + 20))} has no closing }; $\${ is a plain \${`,
        );
      }
      if (text !== "") pieces.push({ text });
      text = "";
      pieces.push({ variable: template.slice(at + 2, end).trim() });
      at = end + 1;
    } else text += template[at++];
  }
  if (text !== "") pieces.push({ text });
  return pieces;
}

export const variablesOf = (template: string): string[] =>
  parseTemplate(template).flatMap((piece) => ("variable" in piece ? [piece.variable] : []));

/** The constant text of a template. */
export const constantOf = (template: string): string =>
  parseTemplate(template)
    .map((piece) => ("text" in piece ? piece.text : ""))
    .join("");

/** The inside of a JSON string, all ASCII, so that its length is known without encoding it. */
export const escapeJson = (value: string): string =>
  JSON.stringify(value)
    .slice(1, -1)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with them.
    .replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

const asItIs = (value: string): string => value;

/** How a value is written in each context. */
export const ESCAPES: Readonly<Record<Context, (value: string) => string>> = {
  // Half a surrogate pair has no UTF-8.
  path: (value) => encodeURIComponent(value.toWellFormed()),
  header: asItIs,
  body: asItIs,
  json: escapeJson,
};

/** One slot of many parts; a string when all are constant. */
export function join(parts: readonly Part[]): Part {
  const merged: Part[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (typeof part === "string" && typeof last === "string") merged[merged.length - 1] = last + part;
    else merged.push(part);
  }
  const slots: Slot[] = [];
  /** The constant before each slot. */
  const before: string[] = [""];
  for (const part of merged) {
    if (typeof part === "string") before[slots.length] = part;
    else before[slots.push(part)] = "";
  }
  const [first, second] = slots;
  const [a = "", b = "", c = ""] = before;
  if (!first) return a;
  if (!second) return (index, tenant) => a + first(index, tenant) + b;
  if (slots.length === 2) return (index, tenant) => a + first(index, tenant) + b + second(index, tenant) + c;
  const end = before[slots.length] ?? "";
  return (index, tenant) => {
    let text = "";
    for (let i = 0; i < slots.length; i++) text += (before[i] ?? "") + (slots[i]?.(index, tenant) ?? "");
    return text + end;
  };
}

/** A fault's params as fields of a form. Imported by the page's script too. @module */

export interface Field {
  /** As it is on the wire, e.g. `delay_ms`. */
  name: string;
  /** In words and without the unit, e.g. `delay`. */
  label: string;
  /** E.g. `ms`; empty: none. */
  unit: string;
  required: boolean;
  /** `node`: the name of one; `nodes`: several names. */
  kind: "number" | "choice" | "boolean" | "node" | "nodes";
  /** What is accepted, in words, e.g. `more than 0, at most 60000`; empty: anything. */
  accepts: string;
  /** Of a choice. */
  choices: string[];
  /** What it is filled with at first; empty: nothing. */
  initial: string;
}

export interface FaultForm {
  type: string;
  fields: Field[];
}

/** What is left in the page for its script. */
export interface PageData {
  forms: FaultForm[];
}

/**
 * The params that the form's texts say. An empty text is left out, and one that is no number where one is needed stays as it
 * is: what is wrong is for the controller to say.
 */
export function paramsOf(
  fields: readonly Field[],
  textOf: (field: Field) => string,
): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  for (const field of fields) {
    const text = textOf(field).trim();
    if (text === "") continue;
    params[field.name] = valueFrom(field, text);
  }
  return params;
}

function valueFrom({ kind }: Field, text: string): unknown {
  if (kind === "number") return Number.isFinite(Number(text)) ? Number(text) : text;
  if (kind === "boolean") return text === "true";
  if (kind === "nodes") return text.split(/[\s,]+/).filter((name) => name !== "");
  return text;
}

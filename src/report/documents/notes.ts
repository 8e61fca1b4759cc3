/** What people add to the log: the binary knows what came out, not why, nor what was done about it. @module */
import { type Static, Type } from "@sinclair/typebox";
import { parseYaml, readConfig } from "../../config/yaml-file.ts";

const Note = Type.Object(
  {
    /** What nobody expected. */
    surprise: Type.Optional(Type.String({ minLength: 1 })),
    /** Why it was so. */
    cause: Type.Optional(Type.String({ minLength: 1 })),
    /** What was changed for it. */
    fix: Type.Optional(Type.String({ minLength: 1 })),
    /** What the same experiment said after that. */
    again: Type.Optional(Type.String({ minLength: 1 })),
    /** The next question. */
    follow_up: Type.Optional(Type.String({ minLength: 1 })),
  },
  { additionalProperties: false },
);

/** By name of hypothesis. */
const Notes = Type.Record(Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,39}$" }), Note, {
  additionalProperties: false,
  description: "the name of a hypothesis",
});
export type Notes = Static<typeof Notes>;

export const readNotes = (file: string): Notes => parseYaml(readConfig(file), file, Notes, "notes").value;

const LABELS = {
  surprise: "Surprise",
  cause: "Cause",
  fix: "Fix",
  again: "Run again",
  follow_up: "Next question",
} as const;

/** As lines of a Markdown list; none where there is no note. */
export function noteLines(notes: Notes, hypothesis: string): string[] {
  const note = notes[hypothesis];
  if (!note) return [];
  return (Object.keys(LABELS) as (keyof typeof LABELS)[]).flatMap((key) => {
    const text = note[key];
    return text === undefined ? [] : [`- ${LABELS[key]}: ${text.trim()}`];
  });
}

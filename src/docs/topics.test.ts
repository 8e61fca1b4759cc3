import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { outlineOf } from "./outline.ts";
import { TOPICS } from "./topics.ts";

const folder = join(import.meta.dir, "../../docs");

test("the topics are the documents of docs/, each under its own name", () => {
  const documents = readdirSync(folder)
    .filter((file) => file.endsWith(".md"))
    .map((file) => ({ name: file.slice(0, -3), text: readFileSync(join(folder, file), "utf8") }));
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  expect(TOPICS.map(({ name }) => name)).toEqual(documents.toSorted(byName).map(({ name }) => name));
  expect([...TOPICS]).toEqual(documents.toSorted(byName));
});

test.each(TOPICS.map(({ name, text }) => [name, text] as const))(
  "%s has a title and a sentence",
  (_, text) => {
    const { title, begins } = outlineOf(text);
    expect(title).toMatch(/^[A-Z]/);
    expect(begins).toMatch(/ \S+ /);
    expect(`${title}${begins}`).not.toContain("\n");
  },
);

test.each([
  ["# A title\n\nOne sentence. Another.\n", "A title", "One sentence"],
  [
    "# A\n\n    a --command\n\n```\n# not a title\n```\n\nIt goes on\nfor two lines: x.\n",
    "A",
    "It goes on for two lines",
  ],
  ["# A\n\n| a | table |\n\n**Label.** What `x.ts` says; more.\n", "A", "What `x.ts` says"],
  ["# A\n\n1. First **thing**\n2. Second\n", "A", "First thing"],
  ["text without an end", "", "text without an end"],
  ["", "", ""],
])("%j", (markdown, title, begins) => {
  expect(outlineOf(markdown)).toEqual({ title, begins });
});

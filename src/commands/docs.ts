/** `chaoslab docs [topic]`: the manual that is in the binary. */
import { basename } from "node:path";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags } from "../cli/flags.ts";
import { painter, table } from "../cli/terminal.ts";
import { suggestion } from "../config/nearest.ts";
import { marked, outlineOf } from "../docs/outline.ts";
import { TOPICS, type Topic } from "../docs/topics.ts";

export async function run(args: string[], flags: Flags): Promise<number> {
  const json = booleanFlag(flags, "json");
  const [asked] = args;
  if (asked !== undefined) {
    const topic = topicNamed(asked);
    process.stdout.write(json ? `${JSON.stringify(described(topic))}\n` : inBold(topic.text));
  } else if (json) {
    const topics = TOPICS.map((topic) => ({ topic: topic.name, ...outlineOf(topic.text) }));
    process.stdout.write(`${JSON.stringify({ topics })}\n`);
  } else {
    process.stdout.write(`${list()}\n\nchaoslab docs <topic> prints one.\n`);
  }
  return ExitCode.ok;
}

const described = ({ name, text }: Topic) => ({ topic: name, ...outlineOf(text), text });

/** Takes `load`, and what links in the documents say: `load.md`, `docs/load.md`. */
function topicNamed(asked: string): Topic {
  const name = basename(asked, ".md");
  const found = TOPICS.find((topic) => topic.name === name);
  if (found) return found;
  const names = TOPICS.map((topic) => topic.name);
  throw new ChaoslabError(
    "usage",
    `docs: no such topic: ${JSON.stringify(asked)}${suggestion(name, names)}`,
    `topics: ${names.join(", ")}`,
  );
}

/** A line for each topic, in a terminal no longer than that is wide. */
function list(): string {
  const rows = TOPICS.map(({ name, text }) => {
    const { title, begins } = outlineOf(text);
    return [name, title, begins];
  });
  const lines = table([["topic", "title", "begins"], ...rows]).split("\n");
  const width = process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
  return lines.map((line) => (line.length > width ? `${line.slice(0, width - 3)}...` : line)).join("\n");
}

/** The text as it is; its headings are bold where colour is wanted. */
function inBold(markdown: string): string {
  const paint = painter(process.stdout);
  return marked(markdown)
    .map(({ line, kind }) => (kind === "heading" ? paint("bold", line) : line))
    .join("\n");
}

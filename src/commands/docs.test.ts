import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { selfCommand } from "../cli/self.ts";
import { TOPICS } from "../docs/topics.ts";

async function docs(...args: string[]) {
  const child = Bun.spawn(selfCommand("docs", ...args), {
    cwd: resolve(import.meta.dir, "../.."),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

test("without a topic, each is a line with its title", async () => {
  const { code, stdout, stderr } = await docs();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  for (const { name, text } of TOPICS) {
    const title = text.split("\n", 1)[0]?.replace("# ", "");
    expect(stdout).toMatch(new RegExp(`^${name} +${title}( |$)`, "m"));
  }
  expect(stdout).toContain("chaoslab docs <topic>");
});

test.each(["load", "load.md", "docs/load.md"])("%s is printed byte for byte when piped", async (asked) => {
  const text = TOPICS.find(({ name }) => name === "load")?.text ?? "";
  expect(await docs(asked)).toEqual({ code: 0, stdout: text, stderr: "" });
});

test("--json lists the topics, or has the one with its text", async () => {
  const all = JSON.parse((await docs("--json")).stdout) as { topics: { topic: string }[] };
  expect(all.topics.map(({ topic }) => topic)).toEqual(TOPICS.map(({ name }) => name));
  expect(JSON.parse((await docs("live", "--json")).stdout)).toMatchObject({
    topic: "live",
    title: "The live page",
    text: TOPICS.find(({ name }) => name === "live")?.text,
  });
});

test("an unknown topic is refused in one line, with the nearest and all", async () => {
  const { code, stdout, stderr } = await docs("scenarois");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(
    /^chaoslab: docs: no such topic: "scenarois" \(did you mean scenarios\?\) \(topics: .*, load, .*\)\n$/,
  );
});

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linesOf } from "../cli/lines.ts";
import { withTurn } from "./flock.ts";

const folder = mkdtempSync(join(tmpdir(), "chaoslab-flock-"));
afterAll(() => rmSync(folder, { recursive: true }));

const script = join(folder, "holder.ts");
writeFileSync(
  script,
  `import { withTurn } from ${JSON.stringify(join(import.meta.dir, "flock.ts"))};
   await withTurn(process.argv[2], 1_000, async () => {
     console.log("held");
     await Bun.stdin.text();
   });`,
);

/** Another process that has the turn until its stdin ends, or it is killed. */
async function holder(path: string) {
  const child = Bun.spawn([process.execPath, script, path], { stdin: "pipe", stdout: "pipe" });
  expect((await linesOf(child.stdout).next()).value).toBe("held");
  return child;
}

test("a turn waits for another process's, which ends with that process, killed or not", async () => {
  const path = join(folder, "turn");
  for (const end of ["stdin", "SIGKILL"]) {
    const other = await holder(path);
    let began = false;
    const turn = withTurn(path, 10_000, async () => {
      began = true;
    });
    await Bun.sleep(100);
    expect(began).toBe(false);
    if (end === "stdin") await other.stdin.end();
    else other.kill("SIGKILL");
    await turn;
    expect(began).toBe(true);
    await other.exited;
  }
});

test("a turn that does not come in time is refused, and its work not begun", async () => {
  const path = join(folder, "busy");
  const other = await holder(path);
  const work = withTurn(path, 100, () => Promise.reject(new Error("begun")));
  await expect(work).rejects.toMatchObject({ kind: "busy", message: expect.stringContaining("0.1 s") });
  other.kill("SIGKILL");
  await other.exited;
});

test("a folder that is gone is named", async () => {
  const work = withTurn(join(folder, "none", "turn"), 100, async () => {});
  await expect(work).rejects.toMatchObject({ kind: "notFound", message: `${join(folder, "none")} is gone` });
});

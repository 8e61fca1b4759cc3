import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeStaleSocket } from "./listen.ts";

const folder = mkdtempSync(join(tmpdir(), "chaoslab-listen-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A process that listens on a socket; `die` leaves that behind. */
async function listener(path: string): Promise<{ die(): Promise<void> }> {
  const script = `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response() }); console.log("listening");`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  await child.stdout.getReader().read();
  return {
    async die() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

test("a socket that a dead server left is removed, that of a living one is not", async () => {
  const path = join(folder, "server.sock");
  const server = await listener(path);
  await removeStaleSocket(path);
  expect(existsSync(path)).toBe(true);
  await server.die();
  expect(existsSync(path)).toBe(true);
  await removeStaleSocket(path);
  expect(existsSync(path)).toBe(false);
});

test("what is no socket stays, and nothing is no error", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "somebody's");
  await removeStaleSocket(file);
  expect(existsSync(file)).toBe(true);
  await removeStaleSocket(join(folder, "none"));
});

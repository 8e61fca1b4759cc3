/** By a systemctl of the tests' own: what runs the tests need not run systemd. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { ChaoslabError, ExitCode } from "../../cli/errors.ts";
import { unitOf } from "./unit.ts";

const folder = mkdtempSync(join(tmpdir(), "chaoslab-unit-"));
const path = process.env.PATH ?? "";

beforeAll(() => {
  const program = join(folder, "systemctl");
  writeFileSync(
    program,
    `#!/bin/sh\necho "$@" >"${folder}/asked"\ncat "${folder}/says"\nexit "$(cat "${folder}/code")"\n`,
  );
  chmodSync(program, 0o755);
  process.env.PATH = `${folder}${delimiter}${path}`;
});

afterAll(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true });
});

function systemctl(says: string, code = 0): void {
  writeFileSync(join(folder, "says"), says);
  writeFileSync(join(folder, "code"), `${code}`);
}

async function refusal(): Promise<ChaoslabError> {
  const error: unknown = await unitOf("nginx.service", "web").catch((thrown: unknown) => thrown);
  if (error instanceof ChaoslabError) return error;
  throw new Error("a unit was found");
}

test.each([
  ["always", true],
  ["on-failure", true],
  ["no", false],
  // A signal that is not a clean end, but no timeout either.
  ["on-watchdog", false],
  ["on-success", false],
])("a running unit with Restart=%s", async (restart, restarts) => {
  systemctl(`Restart=${restart}\nMainPID=812\nLoadState=loaded\nActiveState=active\n`);
  expect(await unitOf("nginx.service", "web")).toEqual({ pid: 812, restarts });
  expect(readFileSync(join(folder, "asked"), "utf8")).toBe(
    "show --property=LoadState,ActiveState,MainPID,Restart -- nginx.service\n",
  );
});

test.each([
  ["not-found", "inactive", "web: nginx.service is not on this host"],
  ["masked", "inactive", "web: nginx.service is masked"],
  ["loaded", "failed", "web: nginx.service has no main process: it is failed"],
])("a unit that is %s and %s", async (load, active, said) => {
  systemctl(`Restart=no\nMainPID=0\nLoadState=${load}\nActiveState=${active}\n`);
  const error = await refusal();
  expect([error.oneLine, error.exitCode]).toEqual([said, ExitCode.notFound]);
});

test("a host without systemd", async () => {
  systemctl("", 1);
  const error = await refusal();
  expect(error.exitCode).toBe(ExitCode.prerequisite);
  expect(error.oneLine).toBe("web: nginx.service: systemd cannot be asked: systemctl ended with 1");
});

/**
 * Checks that run inside the virtual machine one after the other, and the lines they print.
 * @module
 */
import { ChaoslabError, reasonOf } from "../../src/cli/errors.ts";

export interface Check {
  /** Names behaviour; stands after `ok` or `not ok`. */
  name: string;
  /** Throws when the behaviour is not there. May tell what was measured. */
  run: () => Promise<string> | Promise<void>;
  /** Milliseconds that `run` may take. Generous: everything is about ten times slower under emulation. */
  timeoutMs: number;
  /** The checks after this one rest on it: when it fails they are not run, and count as failed. */
  vital?: boolean;
}

/**
 * Runs all checks, printing `ok <name>: <figures>` or `not ok <name>: <why>` for each, then `VM N passed, N failed`.
 * @returns how many failed.
 */
export async function runChecks(checks: readonly Check[], print: (line: string) => void): Promise<number> {
  let passed = 0;
  let missing: string | null = null;
  for (const { name, run, timeoutMs, vital } of checks) {
    const started = performance.now();
    const { ok, said } =
      missing === null ? await outcome(run, timeoutMs) : { ok: false, said: `not run, as ${missing} failed` };
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (ok) passed++;
    else if (vital) missing ??= name;
    print(`${ok ? "ok" : "not ok"} ${name}${said ? `: ${oneLine(said)}` : ""} (${seconds} s)`);
  }
  const failed = checks.length - passed;
  print(`VM ${passed} passed, ${failed} failed`);
  return failed;
}

async function outcome(run: Check["run"], timeoutMs: number): Promise<{ ok: boolean; said: string }> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`did not end within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    return { ok: true, said: (await Promise.race([run(), late])) ?? "" };
  } catch (error) {
    return { ok: false, said: error instanceof ChaoslabError ? error.oneLine : reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, " | ");

/**
 * Checks that run inside the virtual machine one after the other, and the lines they print.
 * @module
 */
import { ChaoslabError, reasonOf } from "../../src/cli/errors.ts";

export interface Check {
  /** Names behaviour; stands after `ok` or `not ok`. */
  name: string;
  /** Throws when the behaviour is not there. */
  run: () => Promise<void>;
  /** Milliseconds that `run` may take. Generous: everything is about ten times slower under emulation. */
  timeoutMs: number;
  /** The checks after this one rest on it: when it fails they are not run, and count as failed. */
  vital?: boolean;
}

/**
 * Runs all checks, printing `ok <name>` or `not ok <name>: <why>` for each, then `VM N passed, N failed`.
 * @returns how many failed.
 */
export async function runChecks(checks: readonly Check[], print: (line: string) => void): Promise<number> {
  let passed = 0;
  let missing: string | null = null;
  for (const { name, run, timeoutMs, vital } of checks) {
    const started = performance.now();
    const why = missing === null ? await failure(run, timeoutMs) : `not run, as ${missing} failed`;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (why === null) passed++;
    else if (vital) missing ??= name;
    print(why === null ? `ok ${name} (${seconds} s)` : `not ok ${name}: ${oneLine(why)} (${seconds} s)`);
  }
  const failed = checks.length - passed;
  print(`VM ${passed} passed, ${failed} failed`);
  return failed;
}

async function failure(run: () => Promise<void>, timeoutMs: number): Promise<string | null> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`did not end within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    await Promise.race([run(), late]);
    return null;
  } catch (error) {
    return error instanceof ChaoslabError ? error.oneLine : reasonOf(error);
  } finally {
    clearTimeout(timer);
  }
}

const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, " | ");

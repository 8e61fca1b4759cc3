/**
 * Running programs inside a network namespace.
 * @module
 */
import { type ExecOptions, type ExecResult, exec } from "./exec.ts";

/** `argv`, run inside the namespace. nsenter(1) replaces itself by the program, so the pid is the program's. */
export function inNamespace(path: string, argv: readonly string[]): string[] {
  return ["nsenter", `--net=${path}`, "--", ...argv];
}

export function execIn(path: string, argv: readonly string[], options?: ExecOptions): Promise<ExecResult> {
  return exec(inNamespace(path, argv), options);
}

/**
 * Errors a user can act on, and the exit code each kind ends the program with.
 * @module
 */

/** Exit codes are a contract with scripts: never renumber. 99, 104 and 105 follow k6. */
export const ExitCode = {
  ok: 0,
  /** A defect in chaoslab itself. */
  internal: 1,
  /** Wrong command, flag or flag value. */
  usage: 2,
  /** Needs root, or a capability this process lacks. */
  permission: 3,
  /** A program or kernel feature is missing. */
  prerequisite: 4,
  /** The address or port is already in use. */
  addressInUse: 5,
  /** No such lab, node, peer or run. */
  notFound: 6,
  /** The lab could not be booted, or a node did not become ready in time. */
  labFailed: 7,
  /** The lab is already up, or another run holds it. */
  busy: 8,
  /** A verdict named by `--fail-on` came out, a threshold was crossed, or no breakpoint can be named. */
  thresholdsFailed: 99,
  /** A schedule or scenario file is wrong. */
  badConfig: 104,
  /** Stopped by SIGINT or SIGTERM; everything was reverted. */
  aborted: 105,
} as const;

export type ExitKind = keyof typeof ExitCode;

/** An error meant for the user: one line, no stack. `hint` says what to do next. */
export class ChaoslabError extends Error {
  override readonly name: string = "ChaoslabError";
  readonly exitCode: number;

  constructor(
    readonly kind: ExitKind,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
    this.exitCode = ExitCode[kind];
  }

  /** `message (hint)` on one line. */
  get oneLine(): string {
    const text = this.hint ? `${this.message} (${this.hint})` : this.message;
    return text.replace(/\s*\n\s*/g, " ");
  }
}

/** The text of anything thrown, on one line. */
export function reasonOf(error: unknown): string {
  if (error instanceof ChaoslabError) return error.oneLine;
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, " ").trim();
}

/** The `code` of a system error (`ENOENT`, `EADDRINUSE`), if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return undefined;
}

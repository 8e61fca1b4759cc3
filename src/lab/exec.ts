/**
 * Runs a program to its end: argument array in, text out, never a shell.
 * @module
 */
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";

export interface ExecOptions {
  /** Written to the program's stdin. Default: an empty stdin. */
  input?: string;
  /** Added to this process's environment: the place for secrets, which an argument would show to every user. */
  env?: Record<string, string>;
  /** The program is killed after this many milliseconds, which is a failure. Default: 30 000. */
  timeoutMs?: number;
  /** Return a non-zero exit code instead of throwing. A missing program or a timeout throws all the same. */
  allowFailure?: boolean;
}

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs `argv` and captures what it prints.
 *
 * @throws {ChaoslabError} kind `prerequisite` when the program is not installed, `permission` when it may not be
 * executed, `internal` when it fails or does not end in time.
 * @example const { stdout } = await exec(["ip", "-j", "link"]);
 */
export async function exec(argv: string[], options: ExecOptions = {}): Promise<ExecResult> {
  const { input, timeoutMs = 30_000, allowFailure = false } = options;
  const program = argv[0] ?? "";
  const child = start(argv, input, options.env);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  try {
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const code = await child.exited;
    if (timedOut) {
      throw new ChaoslabError("internal", `${argv.join(" ")}: did not end within ${timeoutMs} ms`);
    }
    if (code !== 0 && !allowFailure) {
      const said = firstLine(stderr) || firstLine(stdout) || `exit code ${code}`;
      // 127 from nsenter or unshare: the program behind it is missing.
      const kind = code === 127 ? "prerequisite" : "internal";
      throw new ChaoslabError(kind, `${argv.join(" ")}: ${said.replace(`${program}: `, "")}`);
    }
    return { code, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

function start(argv: string[], input: string | undefined, env: Record<string, string> = {}) {
  try {
    return Bun.spawn(argv, {
      stdin: input === undefined ? "ignore" : new TextEncoder().encode(input),
      env: { ...process.env, ...env },
      stdout: "pipe",
      stderr: "pipe",
    });
  } catch (error) {
    const program = argv[0] ?? "(nothing)";
    const code = codeOf(error);
    if (code === "ENOENT")
      throw new ChaoslabError("prerequisite", `${program} is not installed, or not on the PATH`);
    if (code === "EACCES") throw new ChaoslabError("permission", `${program} may not be executed`);
    throw new ChaoslabError("internal", `${argv.join(" ")}: could not be started: ${reasonOf(error)}`);
  }
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0]?.trim() ?? "";
}

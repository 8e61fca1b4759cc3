#!/usr/bin/env bun
/**
 * The command table. Each command's code is imported only when it is called, so that `--version` and
 * `--help` cost nothing but the start of the runtime.
 * @module
 */
import { cac } from "cac";
import { ChaoslabError, codeOf, ExitCode, reasonOf } from "./cli/errors.ts";
import { asWritten, type Flags, joinNegatives } from "./cli/flags.ts";
import { COMMANDS, type CommandModule, INTERNAL_COMMANDS } from "./commands/table.ts";
import { VERSION } from "./version.ts";

interface Invocation {
  load: () => Promise<CommandModule>;
  args: string[];
  flags: Flags;
}

/** What the command line asks for; null when it was answered already (help, version). */
async function parse(given: string[]): Promise<Invocation | null> {
  const argv = joinNegatives(given);
  if (argv[0] === "--version" || argv[0] === "-v") {
    process.stdout.write(`chaoslab ${VERSION}\n`);
    return null;
  }
  if (argv[0] === "internal") {
    const load = INTERNAL_COMMANDS[argv[1] ?? ""];
    if (!load) throw new ChaoslabError("usage", `internal: no such command: ${argv[1] ?? "(none)"}`);
    return { load, args: argv.slice(2), flags: {} };
  }

  const cli = cac("chaoslab");
  let chosen: Invocation | null = null;
  for (const spec of COMMANDS) {
    const command = cli.command(spec.usage, spec.summary, { allowUnknownOptions: spec.moreFlags ?? false });
    for (const [flag, description] of spec.options) command.option(flag, description);
    for (const example of spec.examples) command.example(`  $ ${example}`);
    command.action((...received: unknown[]) => {
      const flags = asWritten((received.at(-1) ?? {}) as Flags, argv);
      chosen = { load: spec.load, args: received.slice(0, -1).flat().filter(isText), flags };
    });
  }
  const named = COMMANDS.find((each) => each.usage.split(" ")[0] === argv[0]);
  const helpWanted = argv.includes("--help") || argv.includes("-h");
  const details =
    typeof named?.details === "function" ? helpWanted && (await named.details()) : named?.details;
  cli.help((sections) => {
    if (details) sections.push({ body: details });
  });
  cli.version(VERSION);
  cli.parse(["bun", "chaoslab", ...argv], { run: false });
  if (cli.options.help === true || cli.options.version === true) return null;
  if (!cli.matchedCommand) {
    const names = COMMANDS.map((spec) => spec.usage.split(" ")[0]).join(", ");
    const given = cli.args[0];
    if (given === undefined && argv.length === 0) {
      cli.outputHelp();
      return null;
    }
    throw new ChaoslabError(
      "usage",
      `no such command: ${given ?? argv[0]}`,
      `commands: ${names}; see chaoslab --help`,
    );
  }
  cli.runMatchedCommand();
  return chosen;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/**
 * What chaoslab asks over HTTP is on this host, in a lab, or named by the user: a proxy would get its tokens to see, and
 * its answers would be taken for the lab's.
 */
function goWithoutProxy(): void {
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]) {
    delete process.env[name];
    delete process.env[name.toLowerCase()];
  }
}

async function main(): Promise<number> {
  goWithoutProxy();
  try {
    const invocation = await parse(process.argv.slice(2));
    if (!invocation) return ExitCode.ok;
    const command = await invocation.load();
    return await command.run(invocation.args, invocation.flags);
  } catch (error) {
    return report(error);
  }
}

/** Prints one line and picks the exit code. A stack trace is for developers, behind CHAOSLAB_DEBUG. */
function report(error: unknown): number {
  if (process.env.CHAOSLAB_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (error instanceof ChaoslabError) {
    process.stderr.write(`chaoslab: ${error.oneLine}\n`);
    return error.exitCode;
  }
  if (error instanceof Error && error.name === "CACError") {
    process.stderr.write(`chaoslab: ${reasonOf(error)} (see --help)\n`);
    return ExitCode.usage;
  }
  if (codeOf(error) === "EPIPE") return ExitCode.ok;
  process.stderr.write(`chaoslab: internal error: ${reasonOf(error)} (CHAOSLAB_DEBUG=1 shows where)\n`);
  return ExitCode.internal;
}

process.exitCode = await main();
if (process.exitCode !== undefined) process.exit(process.exitCode);

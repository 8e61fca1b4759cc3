/** `chaoslab verdict` */
import { ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags } from "../cli/flags.ts";
import { rejudge } from "../experiment/rejudge.ts";
import { RunFolder, readRun } from "../experiment/store.ts";
import { markdownReport } from "../report/markdown.ts";
import { terminalReport } from "../report/terminal.ts";

export async function run([path = ""]: string[], flags: Flags): Promise<number> {
  const stored = readRun(path);
  const { document, changed } = rejudge(stored);
  if (booleanFlag(flags, "write")) {
    const folder = new RunFolder(stored.folder, "");
    folder.writeDocument(document);
    folder.write("report.md", markdownReport(document, stored.schedule));
  }
  if (booleanFlag(flags, "json")) process.stdout.write(`${JSON.stringify(document)}\n`);
  else {
    process.stdout.write(terminalReport(document, process.stdout));
    for (const { trial, before, after } of changed)
      process.stdout.write(`${trial}: was ${before}, is ${after}\n`);
  }
  return ExitCode.ok;
}

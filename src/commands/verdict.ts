/** `chaoslab verdict` */
import { ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags } from "../cli/flags.ts";
import { rejudge } from "../experiment/rejudge.ts";
import { RunFolder, readRun } from "../experiment/store.ts";
import { type Drawing, drawingOf } from "../report/html/drawing.ts";
import { writeReports } from "../report/reports.ts";
import { terminalReport } from "../report/terminal.ts";

export async function run([path = ""]: string[], flags: Flags): Promise<number> {
  const stored = readRun(path);
  const drawings = new Map<string, Drawing>();
  const write = booleanFlag(flags, "write");
  const { document, changed } = rejudge(stored, (trial, name) => {
    if (write) drawings.set(name, drawingOf(trial, name));
  });
  if (write) {
    const folder = new RunFolder(stored.folder, "");
    folder.writeDocument(document);
    writeReports(folder, { ...stored, document }, drawings);
  }
  if (booleanFlag(flags, "json")) process.stdout.write(`${JSON.stringify(document)}\n`);
  else {
    process.stdout.write(terminalReport(document, process.stdout));
    for (const { trial, before, after } of changed)
      process.stdout.write(`${trial}: was ${before}, is ${after}\n`);
  }
  return ExitCode.ok;
}

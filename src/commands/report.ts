/** `chaoslab report` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { readRun } from "../experiment/store.ts";
import { readNotes } from "../report/documents/notes.ts";
import { writeDocuments } from "../report/documents/write.ts";

export async function run(paths: string[], flags: Flags): Promise<number> {
  if (paths.length === 0) {
    throw new ChaoslabError("usage", "report: at least one run is needed", "chaoslab runs lists them");
  }
  const notesFile = textFlag(flags, "notes");
  const notes = notesFile === undefined ? {} : readNotes(notesFile);
  const files = writeDocuments(paths.map(readRun), notes, textFlag(flags, "out") ?? "results/documents");
  process.stdout.write(
    booleanFlag(flags, "json") ? `${JSON.stringify({ files })}\n` : `${files.join("\n")}\n`,
  );
  return ExitCode.ok;
}

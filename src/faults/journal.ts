/**
 * Write-ahead journal of faults: what undoes a fault is on disk before the fault is on the machine.
 *
 * One JSON record a line, appended and fsynced. A fault is opened, perhaps amended, then active, then closed.
 * A line torn by a crash is skipped, which is safe for each record: nothing is done before `opened` (or
 * `amended`) has been synced, and a lost `closed` only means undoing nothing once more.
 * @module
 */
import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { codeOf } from "../cli/errors.ts";
import { self } from "../lab/process.ts";
import { FaultEvent } from "../model/fault.ts";
import type { Undo } from "./fault.ts";

const UndoRecord = Type.Object({ kind: Type.String() });
const Owner = Type.Object({ pid: Type.Integer(), starttime: Type.Number() });

const JournalRecord = Type.Union([
  Type.Object({
    record: Type.Literal("opened"),
    id: Type.String(),
    event: FaultEvent,
    undo: UndoRecord,
    owner: Owner,
  }),
  Type.Object({ record: Type.Literal("amended"), id: Type.String(), undo: UndoRecord }),
  Type.Object({ record: Type.Literal("active"), id: Type.String(), t_start: Type.Number() }),
  Type.Object({ record: Type.Literal("closed"), id: Type.String(), t_stop: Type.Number() }),
]);
type JournalRecord = Static<typeof JournalRecord>;

/** A fault that has not been closed. */
export interface OpenFault {
  id: string;
  event: FaultEvent;
  undo: Undo;
  /** Process that injected it. */
  owner: Static<typeof Owner>;
  /** False when the owner never said that it finished injecting. */
  active: boolean;
}

export class Journal {
  constructor(readonly path: string) {}

  open(event: FaultEvent, undo: Undo): void {
    this.#append({
      record: "opened",
      id: event.id,
      event: { ...event, t_stop: null, evidence: null },
      undo,
      owner: self(),
    });
  }
  amend(id: string, undo: Undo): void {
    this.#append({ record: "amended", id, undo });
  }
  /** The fault is in force since `tStart`, Unix epoch milliseconds. */
  activate(id: string, tStart: number): void {
    this.#append({ record: "active", id, t_start: tStart });
  }
  /** The fault is gone since `tStop`, Unix epoch milliseconds. */
  close(id: string, tStop: number): void {
    this.#append({ record: "closed", id, t_stop: tStop });
  }

  #append(record: JournalRecord): void {
    const fd = openSync(this.path, "a+", 0o600);
    try {
      const { size } = fstatSync(fd);
      const last = Buffer.alloc(1);
      if (size > 0) readSync(fd, last, 0, 1, size - 1);
      const line = `${JSON.stringify(record)}\n`;
      // A line torn by a crash must not swallow this one.
      const text = Buffer.from(size > 0 && last.toString() !== "\n" ? `\n${line}` : line);
      // One write with O_APPEND: records of the owner and of a guard do not mix.
      if (writeSync(fd, text) !== text.length)
        throw new Error(`${this.path}: short write, is the disk full?`);
      fsyncSync(fd);
      if (size === 0) syncFolder(dirname(this.path));
    } finally {
      closeSync(fd);
    }
  }
}

/** A new file survives a crash only once its folder has been synced (fsync(2)). */
function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Faults of the journal that are not closed, oldest first. No journal: none. */
export function openFaults(path: string): OpenFault[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
  const faults = new Map<string, OpenFault>();
  for (const line of text.split("\n")) {
    const record = parseRecord(line);
    if (record) apply(faults, record);
  }
  return [...faults.values()];
}

function parseRecord(line: string): JournalRecord | null {
  if (line.trim() === "") return null;
  try {
    const value: unknown = JSON.parse(line);
    return Value.Check(JournalRecord, value) ? value : null;
  } catch {
    return null;
  }
}

function apply(faults: Map<string, OpenFault>, record: JournalRecord): void {
  if (record.record === "opened") {
    const { id, event, undo, owner } = record;
    faults.set(id, { id, event, undo, owner, active: false });
    return;
  }
  const fault = faults.get(record.id);
  if (!fault) return;
  if (record.record === "closed") faults.delete(record.id);
  else if (record.record === "amended") fault.undo = record.undo;
  else {
    fault.event.t_start = record.t_start;
    fault.active = true;
  }
}

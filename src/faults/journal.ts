/**
 * Write-ahead journal of faults: what undoes a fault is on disk before the fault is on the machine.
 *
 * One JSON record a line, written into a file that was allocated in full before the first fault, and fsynced: a disk
 * that fills up later cannot keep a fault from being recorded or closed. A fault is opened, perhaps amended, then active,
 * then closed.
 * A line torn by a crash is skipped, which is safe for each record: nothing is done before `opened` (or
 * `amended`) has been synced, and a lost `closed` only means undoing nothing once more.
 * @module
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ChaoslabError, codeOf } from "../cli/errors.ts";
import { withLock } from "../lab/flock.ts";
import { type ProcessRef, self } from "../lab/process.ts";
import { FaultEvent } from "../model/fault.ts";
import type { Undo } from "./fault.ts";

/** What is known of a fault when it begins. */
const Begun = Type.Omit(FaultEvent, ["t_stop", "evidence", "gone", "remains"]);
const UndoRecord = Type.Object({ kind: Type.String() });
const Owner = Type.Object({ pid: Type.Integer(), starttime: Type.Number() });

const JournalRecord = Type.Union([
  Type.Object({
    record: Type.Literal("opened"),
    id: Type.String(),
    event: Begun,
    undo: UndoRecord,
    owner: Owner,
    lease: Type.Union([Type.Number(), Type.Null()]),
  }),
  Type.Object({ record: Type.Literal("amended"), id: Type.String(), undo: UndoRecord }),
  Type.Object({
    record: Type.Literal("active"),
    id: Type.String(),
    t_start: Type.Number(),
    /** In place of the one it was opened with. */
    lease: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
  }),
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
  /** Unix epoch milliseconds after which the fault is overdue. */
  lease: number | null;
  /** False when the owner never said that it finished injecting. */
  active: boolean;
}

/** Room for about a thousand faults; what is closed makes way for what comes. */
export const JOURNAL_BYTES = 512 * 1024;

export class Journal {
  constructor(readonly path: string) {}

  /**
   * Records a fault before it is injected.
   * @param lease Unix epoch milliseconds after which anybody may revert the fault; null: until its owner does.
   * @param conflicts open faults that keep this one from being opened; looked at under the journal's lock, so that of two
   *   processes that ask at once only one gets its way.
   * @throws {ChaoslabError} `busy` naming the fault that is in the way.
   */
  open(
    event: FaultEvent,
    undo: Undo,
    lease: number | null,
    conflicts: (other: FaultEvent) => boolean = () => false,
  ): void {
    const isFree = (): true => {
      const other = openFaults(this.path).find((each) => conflicts(each.event));
      if (!other) return true;
      throw new ChaoslabError(
        "busy",
        `${event.target}: ${other.event.fault_type} (${other.id}) is active already`,
        `chaoslab revert ${other.id} takes it back`,
      );
    };
    this.#append(
      {
        record: "opened",
        id: event.id,
        event,
        undo,
        owner: self(),
        lease,
      },
      isFree,
    );
  }
  /** @throws {ChaoslabError} `busy` when the fault is closed: whoever would act on it must not. */
  amend(id: string, undo: Undo): void {
    this.#append({ record: "amended", id, undo }, () => this.#isOpen(id));
  }
  /**
   * The fault is in force since `tStart`, Unix epoch milliseconds.
   * @param lease in place of the one it was opened with. Default: that one.
   * @throws {ChaoslabError} `busy` when it was reverted before it had come into force: then it must be undone again.
   */
  activate(id: string, tStart: number, lease?: number | null): void {
    const active = { record: "active", id, t_start: tStart } as const;
    this.#append(lease === undefined ? active : { ...active, lease }, () => this.#isOpen(id));
  }
  /**
   * The fault is gone since `tStop`, Unix epoch milliseconds.
   * @param undone what was undone: when the fault has another undo by now, it stays open. Default: all there was.
   * @returns since when it is gone: earlier, if somebody else has closed it before. Null when it stays open.
   */
  close(id: string, tStop: number, undone?: Undo): number | null {
    // Taken down with its lab, which reverted everything.
    if (!existsSync(dirname(this.path))) return tStop;
    let before: number | null = null;
    const isWhole = (): boolean => {
      const open = openFaults(this.path).find((fault) => fault.id === id);
      if (!open) before = closedAt(this.path, id) ?? tStop;
      if (!open) return false;
      return undone === undefined || JSON.stringify(open.undo) === JSON.stringify(undone);
    };
    return this.#append({ record: "closed", id, t_stop: tStop }, isWhole) ? tStop : before;
  }

  #isOpen(id: string): true {
    if (openFaults(this.path).some((fault) => fault.id === id)) return true;
    throw new ChaoslabError("busy", `${id} was reverted meanwhile`);
  }

  /** @param wanted asked under the lock; false: nothing is written, and false returned. */
  #append(record: JournalRecord, wanted: () => boolean = () => true): boolean {
    return withLock(`${this.path}.lock`, () => {
      if (!wanted()) return false;
      const line = `${JSON.stringify(record)}\n`;
      let content = contentOf(this.path) ?? preallocate(this.path, "");
      if (content.length + line.length + 1 > JOURNAL_BYTES) {
        content = preallocate(this.path, openFaults(this.path).flatMap(recordsOf).map(lineOf).join(""));
      }
      // A line torn by a crash must not swallow this one.
      const text = Buffer.from(content === "" || content.endsWith("\n") ? line : `\n${line}`);
      const at = Buffer.byteLength(content);
      if (at + text.length > JOURNAL_BYTES) {
        throw new ChaoslabError(
          "internal",
          `${this.path}: the journal is full`,
          "chaoslab revert --all empties it",
        );
      }
      const fd = openSync(this.path, "r+");
      try {
        writeSync(fd, text, 0, text.length, at);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      return true;
    });
  }
}

const lineOf = (record: JournalRecord): string => `${JSON.stringify(record)}\n`;

/** What a compacted journal keeps of a fault. */
function recordsOf({ id, event, undo, owner, lease, active }: OpenFault): JournalRecord[] {
  const opened: JournalRecord = { record: "opened", id, event, undo, owner, lease };
  return active ? [opened, { record: "active", id, t_start: event.t_start, lease }] : [opened];
}

/** The text up to the padding; null when there is no file. */
function contentOf(path: string): string | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end === -1 ? bytes.length : end);
}

/** Writes the whole file, padding included, and puts it in place at once. Returns the content. */
function preallocate(path: string, content: string): string {
  const bytes = Buffer.alloc(JOURNAL_BYTES);
  bytes.write(content);
  const fd = openSync(`${path}.new`, "w", 0o600);
  try {
    if (writeSync(fd, bytes) !== bytes.length) throw new Error(`${path}: short write, is the disk full?`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.new`, path);
  syncFolder(dirname(path));
  return content;
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
  const faults = new Map<string, OpenFault>();
  for (const record of recordsIn(path)) apply(faults, record);
  return [...faults.values()];
}

/** Open faults that a process has injected; this one unless another is named. */
export function ownFaults(path: string, { pid, starttime }: ProcessRef = self()): OpenFault[] {
  return openFaults(path).filter(({ owner }) => owner.pid === pid && owner.starttime === starttime);
}

/** When the fault was closed, Unix epoch milliseconds; null when it is not, or was too long ago to be told. */
export function closedAt(path: string, id: string): number | null {
  const closed = recordsIn(path).find((each) => each.record === "closed" && each.id === id);
  return closed?.record === "closed" ? closed.t_stop : null;
}

function recordsIn(path: string): JournalRecord[] {
  return (contentOf(path) ?? "").split("\n").flatMap((line) => parseRecord(line) ?? []);
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
    const { id, event, undo, owner, lease } = record;
    const yet = { t_stop: null, evidence: null, gone: null, remains: null };
    faults.set(id, { id, event: { ...event, ...yet }, undo, owner, lease, active: false });
    return;
  }
  const fault = faults.get(record.id);
  if (!fault) return;
  if (record.record === "closed") faults.delete(record.id);
  else if (record.record === "amended") fault.undo = record.undo;
  else {
    fault.event.t_start = record.t_start;
    if (record.lease !== undefined) fault.lease = record.lease;
    fault.active = true;
  }
}

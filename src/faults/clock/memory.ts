/**
 * The vDSO of a live process and the memory around it, read and written through /proc/PID/mem (proc(5)). A write to its read-only private
 * mapping gives that process a copy of the page of its own (FOLL_FORCE); no other process sees it.
 * @module
 */
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { ChaoslabError, codeOf, reasonOf } from "../../cli/errors.ts";
import { isAlive, type ProcessRef } from "../../lab/process.ts";
import type { Space } from "./blob.ts";

/** `7ffd1000-7ffd3000 r-xp 00000000 00:00 0    [vdso]` of /proc/PID/maps; null when there is none. */
export function findVdso(maps: string): { start: number; size: number } | null {
  const line = maps.split("\n").find((each) => each.endsWith("[vdso]"));
  const range = line?.match(/^([0-9a-f]+)-([0-9a-f]+) /);
  if (!range) return null;
  const start = Number.parseInt(range[1] ?? "", 16);
  return { start, size: Number.parseInt(range[2] ?? "", 16) - start };
}

/** The address space a process has now; when it executes another program, reads answer null. */
export class VdsoMemory implements Disposable, Space {
  private constructor(
    readonly process: ProcessRef,
    readonly start: number,
    readonly size: number,
    readonly fd: number,
    /** /proc/PID/maps. */
    readonly maps: string,
  ) {}

  /** Null when the process is gone. @throws {ChaoslabError} `prerequisite` when it has no vDSO. */
  static open(process: ProcessRef): VdsoMemory | null {
    const { pid } = process;
    let fd: number | null = null;
    try {
      // Opened first: it stays with this address space, and if that is replaced the addresses below do not fit it.
      fd = openSync(`/proc/${pid}/mem`, "r+");
      const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
      const vdso = findVdso(maps);
      if (vdso && isAlive(process)) return new VdsoMemory(process, vdso.start, vdso.size, fd, maps);
      closeSync(fd);
      // A process that is ending, or is just being replaced, has no mappings at all.
      if (maps === "" || !isAlive(process)) return null;
    } catch (error) {
      if (fd !== null) closeSync(fd);
      if (isGone(error)) return null;
      throw new ChaoslabError(
        "permission",
        `process ${pid}: its memory cannot be opened: ${reasonOf(error)}`,
      );
    }
    throw new ChaoslabError("prerequisite", `process ${pid} has no vDSO`);
  }

  /** Bytes at an offset from the vDSO; fewer where a mapping ends, null when the address space is gone. */
  read(at: number, length: number): Buffer | null {
    const bytes = Buffer.alloc(length);
    try {
      const count = readSync(this.fd, bytes, 0, length, this.start + at);
      return count === 0 ? null : bytes.subarray(0, count);
    } catch (error) {
      if (codeOf(error) === "EIO" || isGone(error)) return null;
      throw error;
    }
  }

  /** The whole vDSO; null when the address space is gone. */
  image(): Buffer | null {
    const bytes = this.read(0, this.size);
    return bytes?.length === this.size ? bytes : null;
  }

  /** Writes at an offset from the vDSO. */
  write(at: number, bytes: Uint8Array): void {
    const count = writeSync(this.fd, bytes, 0, bytes.length, this.start + at);
    if (count !== bytes.length) {
      throw new ChaoslabError(
        "internal",
        `process ${this.process.pid}: wrote ${count} of ${bytes.length} bytes`,
      );
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

const isGone = (error: unknown): boolean => ["ENOENT", "ESRCH"].includes(codeOf(error) ?? "");

/**
 * Takes space on a file system. Running out of it is what was asked for, and no error.
 * @module
 */
import { open } from "node:fs/promises";
import { ChaoslabError, codeOf } from "../../cli/errors.ts";
import { exec } from "../../lab/exec.ts";

const CHUNK = 1024 * 1024;
const SMALLEST = 4096;

/**
 * Makes `path` take `bytes` on disk by fallocate(1), which is done at once and writes nothing; by writing where the
 * file system does not know fallocate(2).
 * @param toTheEnd goes on by writing, in smaller and smaller pieces, until not even one block is left: a file system
 * keeps some blocks that only a second try gets.
 * @throws {ChaoslabError} `internal` for any failure but a full disk, `prerequisite` without fallocate(1).
 */
export async function allocate(path: string, bytes: number, toTheEnd: boolean): Promise<void> {
  const done = await exec(["fallocate", "--length", `${bytes}`, path], {
    allowFailure: true,
    env: { LC_ALL: "C" },
  });
  const outcome = outcomeOf(done.code, done.stderr);
  if (outcome === "failed") {
    throw new ChaoslabError(
      "internal",
      `fallocate ${path}: ${done.stderr.trim() || `exit code ${done.code}`}`,
    );
  }
  if (outcome === "unsupported") await append(path, bytes);
  if (toTheEnd) await append(path, Number.POSITIVE_INFINITY);
}

/** What fallocate(1) of util-linux says, in the C locale. */
export function outcomeOf(code: number, stderr: string): "done" | "full" | "unsupported" | "failed" {
  if (code === 0) return "done";
  if (/No space left on device|Disk quota exceeded/.test(stderr)) return "full";
  return /not supported/i.test(stderr) ? "unsupported" : "failed";
}

/** Appends up to `bytes` zeros, in pieces that get smaller as the space does. */
async function append(path: string, bytes: number): Promise<void> {
  const file = await open(path, "a", 0o600);
  try {
    const zeros = Buffer.alloc(CHUNK);
    for (let left = bytes, piece = CHUNK; left > 0 && piece >= SMALLEST; ) {
      try {
        left -= (await file.write(zeros, 0, Math.min(piece, left))).bytesWritten;
      } catch (error) {
        if (codeOf(error) !== "ENOSPC" && codeOf(error) !== "EDQUOT") throw error;
        piece /= 4;
      }
    }
    // Delayed allocation: the space is taken for good when the data is on disk.
    await file.sync();
  } catch (error) {
    if (codeOf(error) !== "ENOSPC") throw error;
  } finally {
    await file.close();
  }
}

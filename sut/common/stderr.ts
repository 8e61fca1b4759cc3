/**
 * Standard error, and the engine's own lines taken out of it.
 *
 * With BUN_JSC_logGC set the engine writes of each garbage collection to file descriptor 2, and knows no other place. So
 * that becomes a pipe which this process reads itself; what is not of a collection goes on to where it was meant for.
 * @module
 */
import { dlopen, FFIType } from "bun:ffi";
import { closeSync, readSync, writeSync } from "node:fs";

const STDERR = 2;
/** fcntl.h and pipe2(2) of Linux, on x86-64 and arm64. */
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;
const F_DUPFD_CLOEXEC = 1030;
/** Some thousand collections: more than a stalled process has before it is looked at again. */
const PIPE_BYTES = 1 << 20;
const DRAIN_MS = 250;

const { i32, ptr } = FFIType;

/** Where people read. */
let real = STDERR;

/** Writes a line for people. */
export function writeError(line: string): void {
  if (real === STDERR) process.stderr.write(line);
  else writeSync(real, line);
}

/**
 * Hands every line that the engine writes to `take`, until this process ends; a line that `take` refuses by false goes to
 * standard error. @returns reads what there is now.
 */
export function interceptStderr(take: (line: string) => boolean): () => void {
  const libc = dlopen("libc.so.6", {
    pipe2: { args: [ptr, i32], returns: i32 },
    // The third argument is variadic: on x86-64 and on Linux's arm64 it is passed like a named one.
    fcntl: { args: [i32, i32, i32], returns: i32 },
    dup2: { args: [i32, i32], returns: i32 },
  }).symbols;
  const ends = new Int32Array(new ArrayBuffer(8));
  const kept = libc.fcntl(STDERR, F_DUPFD_CLOEXEC, 3);
  if (kept < 0 || libc.pipe2(ends, O_CLOEXEC) !== 0) throw new Error("standard error cannot be read");
  const [from = -1, to = -1] = ends;
  libc.fcntl(to, F_SETPIPE_SZ, PIPE_BYTES);
  // A full pipe must not stop the engine in the middle of a collection: what does not fit is lost.
  for (const end of [from, to]) libc.fcntl(end, F_SETFL, O_NONBLOCK);
  libc.dup2(to, STDERR);
  closeSync(to);
  real = kept;

  const chunk = Buffer.alloc(64 * 1_024);
  const decoder = new TextDecoder();
  let begun = "";
  const drain = (): void => {
    for (let size = readSome(from, chunk); size > 0; size = readSome(from, chunk)) {
      const lines = (begun + decoder.decode(chunk.subarray(0, size), { stream: true })).split("\n");
      begun = lines.pop() ?? "";
      for (const line of lines) if (!take(line)) writeError(`${line}\n`);
    }
  };
  setInterval(drain, DRAIN_MS).unref();
  process.on("exit", () => {
    drain();
    if (begun !== "") writeError(`${begun}\n`);
  });
  return drain;
}

/** Bytes read; 0 when there are none now. */
function readSome(fd: number, chunk: Buffer): number {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return 0;
    throw error;
  }
}

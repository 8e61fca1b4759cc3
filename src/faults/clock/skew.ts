/**
 * Skews the clock of one process, and takes that back. Idempotent, and what is there is read from the process.
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import type { ProcessRef } from "../../lab/process.ts";
import {
  assemble,
  assembleWaits,
  type Blob,
  findBlobs,
  isInForce,
  JUMP_LENGTH,
  type Patch,
  type Space,
} from "./blob.ts";
import { VdsoMemory } from "./memory.ts";
import { type ThreadState, whileStopped } from "./ptrace.ts";
import { findWaits } from "./waits.ts";

/** Offset in milliseconds, and the fault that it is for. */
export interface Skew {
  id: string;
  offsetMs: number;
}

/** How much of each stack is searched for the frame of an interrupted function, in bytes. */
const STACK_SEARCHED = 65_536;
/** A thread is inside the bytes in question for nanoseconds: it has left them a moment later. */
const ATTEMPTS = 50;
/** Between two stops the thread has to be given a processor: stopped again before it ran, it is where it was. */
const RETRY_MS = 2;
/** A stack may hold a leftover that only looks like a frame: then the blob is not worth many stops. */
const WIPE_ATTEMPTS = 5;

/**
 * What is missing in a process to skew it: the blob of the time functions, and, unless `timeOnly`, that of the waits
 * where it has any. `leftovers`: blobs that nothing leads into any more.
 *
 * @throws {ChaoslabError} `busy` when another fault has its clock, `prerequisite` when it cannot be skewed.
 */
export function missingBlobs(
  memory: VdsoMemory,
  image: Buffer,
  skew: Skew,
  timeOnly = false,
): { blobs: (Blob & { bytes: Buffer })[]; leftovers: Blob[] } {
  const active = activeBlobs(memory, image);
  const other = active.find((blob) => blob.id !== skew.id);
  if (other) {
    throw new ChaoslabError("busy", `process ${memory.process.pid}: its clock is skewed by ${other.id}`);
  }
  const leftovers = findBlobs(image, memory.start).filter(({ at }) => !active.some((blob) => blob.at === at));
  const blobs: (Blob & { bytes: Buffer })[] = [];
  let next = leftovers.reduce(restored, image);
  if (!active.some(tellsTime)) {
    const time = assemble(next, skew.id, skew.offsetMs);
    next = Buffer.from(next);
    time.bytes.copy(next, time.at);
    blobs.push(time);
  }
  const waits = timeOnly || !active.every(tellsTime) ? null : findWaits(memory);
  if (waits) blobs.push(assembleWaits(next, memory.start, skew, waits));
  return { blobs, leftovers };
}

/**
 * `gone`: ended, or became another program meanwhile.
 *
 * @param timeOnly the program is just being loaded: what it calls the C library through is not to be touched yet.
 * @throws {ChaoslabError} `busy`, `prerequisite`.
 */
export function skewProcess(
  process: ProcessRef,
  skew: Skew,
  frozen: boolean,
  timeOnly = false,
): "skewed" | "already" | "gone" {
  using memory = VdsoMemory.open(process);
  const image = memory?.image();
  if (!memory || !image) return "gone";
  const { blobs, leftovers } = missingBlobs(memory, image, skew, timeOnly);
  if (blobs.length === 0) return "already";
  const patches = blobs.flatMap((blob) => blob.patches);
  const inside = [
    ...patches.map(({ at }) => [at + 1, at + JUMP_LENGTH] as const),
    ...leftovers.map(({ at, length }) => [at, at + length] as const),
  ];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const done = whileStopped(process, frozen, (threads) => {
      if (!memory.image()?.equals(image)) return "changed";
      if (isExecuting(memory, threads, inside)) return "executing";
      for (const { at, length } of leftovers) memory.write(at, Buffer.alloc(length));
      for (const { at, bytes } of blobs) memory.write(at, bytes);
      for (const { at, patched } of patches) memory.write(at, patched);
      return "skewed";
    });
    if (done === "skewed") return "skewed";
    if (done === null) return "gone";
    if (done === "changed") return memory.image() ? skewProcess(process, skew, frozen, timeOnly) : "gone";
    Bun.sleepSync(RETRY_MS);
  }
  throw new ChaoslabError("busy", `process ${process.pid}: a thread keeps executing what is to be changed`);
}

/** Blobs that something leads into. */
export function activeBlobs(space: Space, image: Buffer): Blob[] {
  return findBlobs(image, space.start).filter((blob) =>
    blob.patches.some((patch) => isInForce(space, patch)),
  );
}

const tellsTime = ({ patches }: Blob): boolean =>
  patches.every(({ original }) => original.length === JUMP_LENGTH);

/** True when every time function leads into this fault's blob, and that is byte for byte what it should be. */
export function isSkewed(space: Space, image: Buffer, { id, offsetMs }: Skew): boolean {
  const active = activeBlobs(space, image);
  const blob = active.find((each) => each.id === id && tellsTime(each));
  if (!blob?.patches.every((patch) => isInForce(space, patch))) return false;
  const clean = findBlobs(image, space.start).reduce(restored, image);
  return assemble(clean, id, offsetMs).bytes.equals(image.subarray(blob.at, blob.at + blob.length));
}

/** The image as it was before this blob. Pure. */
export function restored(image: Buffer, blob: Blob): Buffer {
  const before = Buffer.from(image);
  for (const { at, original, patched } of blob.patches) {
    const isThere = at >= 0 && before.subarray(at, at + patched.length).equals(patched);
    if (isThere) original.copy(before, at);
  }
  return before.fill(0, blob.at, blob.at + blob.length);
}

/**
 * Takes a fault's patches out of the process, and then its blob. `originals`: what the journal knows, by offset; what
 * it does not know the blob does. `left`: nothing leads into the blob any more, but as a thread may still be in it, it
 * stays, and does nothing.
 */
export function restoreProcess(
  process: ProcessRef,
  id: string,
  originals: ReadonlyMap<number, Buffer>,
  frozen: boolean,
): "restored" | "left" | "untouched" | "gone" {
  using memory = VdsoMemory.open(process);
  const image = memory?.image();
  if (!memory || !image) return "gone";
  const mine = findBlobs(image, memory.start).filter((blob) => blob.id === id);
  const jumps = mine.flatMap((blob) => blob.patches);
  if (mine.length === 0) return "untouched";
  const inside = mine.map(({ at, length }) => [at, at + length] as const);
  const original = (patch: Patch): Buffer => originals.get(patch.at) ?? patch.original;
  for (let attempt = 0; attempt < WIPE_ATTEMPTS; attempt++) {
    const done = whileStopped(process, frozen, (threads) => {
      if (!memory.image()) return null;
      // Safe wherever a thread is: nobody can be between the bytes of a jump.
      for (const patch of jumps) if (isInForce(memory, patch)) memory.write(patch.at, original(patch));
      if (isExecuting(memory, threads, inside)) return "executing";
      for (const blob of mine) memory.write(blob.at, Buffer.alloc(blob.length));
      return "restored";
    });
    if (done === null) return "gone";
    if (done === "restored") return "restored";
    Bun.sleepSync(RETRY_MS);
  }
  return "left";
}

/**
 * True when a thread is about to execute something within these ranges (offsets, end exclusive), or will come back
 * to it: a signal handler's frame on its stack says where it interrupted the thread.
 */
function isExecuting(
  memory: VdsoMemory,
  threads: readonly ThreadState[],
  ranges: readonly (readonly [number, number])[],
): boolean {
  const hits = (address: number): boolean => {
    const offset = address - memory.start;
    return ranges.some(([from, to]) => offset >= from && offset < to);
  };
  return threads.some(
    ({ instruction, stack }) =>
      hits(instruction) || addressesIn(memory.read(stack - memory.start, STACK_SEARCHED), memory).some(hits),
  );
}

/** Words of the stack that could be addresses in the vDSO. */
function addressesIn(stack: Buffer | null, { start, size }: VdsoMemory): number[] {
  const found: number[] = [];
  if (!stack) return found;
  const words = new Uint32Array(stack.buffer, stack.byteOffset, (stack.length >> 3) * 2);
  for (let i = 0; i + 1 < words.length; i += 2) {
    const address = (words[i + 1] ?? 0) * 2 ** 32 + (words[i] ?? 0);
    if (address >= start && address < start + size) found.push(address);
  }
  return found;
}

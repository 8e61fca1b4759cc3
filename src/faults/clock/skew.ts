/**
 * Skews the clock of one process, and takes that back. Idempotent, and what is there is read from the process.
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import type { ProcessRef } from "../../lab/process.ts";
import { assemble, type Blob, findBlobs, isInForce, JUMP_LENGTH, type Patch } from "./blob.ts";
import { VdsoMemory } from "./memory.ts";
import { type ThreadState, whileStopped } from "./ptrace.ts";

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

/** `gone`: ended, or became another program meanwhile. @throws {ChaoslabError} `busy`, `prerequisite`. */
export function skewProcess(process: ProcessRef, skew: Skew, frozen: boolean): "skewed" | "already" | "gone" {
  using memory = VdsoMemory.open(process);
  const image = memory?.image();
  if (!memory || !image) return "gone";
  const active = activeBlobs(image);
  if (active.some((blob) => blob.id === skew.id)) return "already";
  const [other] = active;
  if (other) throw new ChaoslabError("busy", `process ${process.pid}: its clock is skewed by ${other.id}`);

  const leftovers = findBlobs(image);
  const clean = leftovers.reduce(restored, image);
  const blob = assemble(clean, skew.id, skew.offsetMs);
  const inside = [
    ...blob.patches.map(({ at }) => [at + 1, at + JUMP_LENGTH] as const),
    ...leftovers.map(({ at, length }) => [at, at + length] as const),
  ];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const done = whileStopped(process, frozen, (threads) => {
      if (!memory.image()?.equals(image)) return "changed";
      if (isExecuting(memory, threads, inside)) return "executing";
      for (const { at, length } of leftovers) memory.write(at, Buffer.alloc(length));
      memory.write(blob.at, blob.bytes);
      for (const patch of blob.patches) memory.write(patch.at, patch.jump);
      return "skewed";
    });
    if (done === "skewed") return "skewed";
    if (done === null) return "gone";
    if (done === "changed") return memory.image() ? skewProcess(process, skew, frozen) : "gone";
    Bun.sleepSync(RETRY_MS);
  }
  throw new ChaoslabError("busy", `process ${process.pid}: a thread keeps executing what is to be changed`);
}

/** Blobs that some entry point leads into. */
export function activeBlobs(image: Buffer): Blob[] {
  return findBlobs(image).filter((blob) => blob.patches.some((patch) => isInForce(image, patch)));
}

/** True when every entry point leads into this fault's blob, and that is byte for byte what it should be. */
export function isSkewed(image: Buffer, { id, offsetMs }: Skew): boolean {
  const blob = activeBlobs(image).find((each) => each.id === id);
  if (!blob?.patches.every((patch) => isInForce(image, patch))) return false;
  return assemble(restored(image, blob), id, offsetMs).bytes.equals(
    image.subarray(blob.at, blob.at + blob.length),
  );
}

/** The image as it was before this blob. Pure. */
export function restored(image: Buffer, blob: Blob): Buffer {
  const before = Buffer.from(image);
  for (const patch of blob.patches) {
    if (isInForce(image, patch)) patch.original.copy(before, patch.at);
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
  const mine = findBlobs(image).filter((blob) => blob.id === id);
  const jumps = mine.flatMap((blob) => blob.patches);
  if (mine.length === 0) return "untouched";
  const inside = mine.map(({ at, length }) => [at, at + length] as const);
  const original = (patch: Patch): Buffer => originals.get(patch.at) ?? patch.original;
  for (let attempt = 0; attempt < WIPE_ATTEMPTS; attempt++) {
    const done = whileStopped(process, frozen, (threads) => {
      const now = memory.image();
      if (!now) return null;
      // Safe wherever a thread is: nobody can be between the bytes of a jump.
      for (const patch of jumps) if (isInForce(now, patch)) memory.write(patch.at, original(patch));
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
      hits(instruction) || addressesIn(memory.read(stack, STACK_SEARCHED), memory).some(hits),
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

/**
 * The code that is put into a vDSO to skew the clock, and how to recognise it there. Pure.
 *
 * The first five bytes of each time function become `jmp rel32` to a hook in the vDSO's unused end. For the
 * realtime clocks a hook makes the real system call and adds the offset to its answer; it calls nothing, so that no
 * return address into the blob is ever on a stack. Other clocks run the displaced instructions and go on in the
 * original function; where those cannot be moved, they make the system call. On the machine this was written on
 * (kernel 6.18) a Date.now() takes 270 to 350 ns instead of 35 to 50, performance.now() as long as before.
 *
 * A child inherits the patched copy by fork, and no journal knows that child: so the blob itself says whose it is and
 * what it displaced.
 *
 *     0  magic        8 bytes
 *     8  fault id    16 bytes, zero-padded
 *    24  length       u32, of the whole blob
 *    28  patches      u32
 *    32  per patch   16 bytes: u32 where, u32 hook (offset in the blob), 5 displaced bytes, 3 unused
 *        code
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import { type ClockFunction, clockEntries, tailStart } from "./elf.ts";
import { movablePrologue } from "./prologue.ts";

const MAGIC = Buffer.from("chaosclk", "latin1");
const ID_LENGTH = 16;
const HEADER_LENGTH = 32;
const PATCH_LENGTH = 16;
/** Length of `jmp rel32`. */
export const JUMP_LENGTH = 5;

/** One entry point, before and after. `at` is its offset in the vDSO. */
export interface Patch {
  at: number;
  original: Buffer;
  jump: Buffer;
}

export interface Blob {
  id: string;
  /** Offset in the vDSO. */
  at: number;
  length: number;
  patches: Patch[];
}

/** `jmp` at `from` to `to`; the distance counts from the end of the instruction (Intel SDM vol. 2, JMP). */
export function jump(from: number, to: number): Buffer {
  const code = Buffer.alloc(JUMP_LENGTH);
  code.writeUInt8(0xe9, 0);
  code.writeInt32LE(to - (from + JUMP_LENGTH), 1);
  return code;
}

/** Seconds, rounded down, and the rest in nanoseconds: the form in which a timespec takes an offset. */
export function splitOffset(offsetMs: number): { seconds: number; nanoseconds: number } {
  const seconds = Math.floor(offsetMs / 1_000);
  return { seconds, nanoseconds: (offsetMs - seconds * 1_000) * 1_000_000 };
}

/**
 * The blob for this vDSO, and the patches that lead into it. Offset in milliseconds.
 *
 * @throws {ChaoslabError} `prerequisite` when the vDSO has no room, or is not as expected.
 */
export function assemble(image: Buffer, id: string, offsetMs: number): Blob & { bytes: Buffer } {
  const entries = clockEntries(image);
  const at = tailStart(image);
  const parts: Buffer[] = [];
  const patches: Patch[] = [];
  const table = Buffer.alloc(entries.length * PATCH_LENGTH);
  let length = HEADER_LENGTH + table.length;
  for (const [i, entry] of entries.entries()) {
    const hook = length;
    const code = hookOf(entry.function, image, entry.at, at + hook, offsetMs);
    const original = Buffer.from(image.subarray(entry.at, entry.at + JUMP_LENGTH));
    table.writeUInt32LE(entry.at, i * PATCH_LENGTH);
    table.writeUInt32LE(hook, i * PATCH_LENGTH + 4);
    original.copy(table, i * PATCH_LENGTH + 8);
    patches.push({ at: entry.at, original, jump: jump(entry.at, at + hook) });
    parts.push(code);
    length += code.length;
  }
  if (at + length > image.length) {
    const free = image.length - at;
    throw new ChaoslabError("prerequisite", `the vDSO has ${free} unused bytes at its end, not ${length}`);
  }
  const header = Buffer.alloc(HEADER_LENGTH);
  MAGIC.copy(header);
  if (header.write(id, MAGIC.length, ID_LENGTH, "latin1") < id.length) throw new RangeError(`id ${id}`);
  header.writeUInt32LE(length, 24);
  header.writeUInt32LE(entries.length, 28);
  return { id, at, length, patches, bytes: Buffer.concat([header, table, ...parts]) };
}

/** Every blob of ours in the vDSO, in force or not. */
export function findBlobs(image: Buffer): Blob[] {
  const blobs: Blob[] = [];
  for (let at = image.indexOf(MAGIC); at >= 0; at = image.indexOf(MAGIC, at + 1)) {
    if (at % 16 !== 0 || at + HEADER_LENGTH > image.length) continue;
    const [length, count] = [image.readUInt32LE(at + 24), image.readUInt32LE(at + 28)];
    if (at + length > image.length || HEADER_LENGTH + count * PATCH_LENGTH > length) continue;
    const id = image.toString("latin1", at + MAGIC.length, at + MAGIC.length + ID_LENGTH).replace(/\0+$/, "");
    const patches = Array.from({ length: count }, (_, i): Patch => {
      const row = at + HEADER_LENGTH + i * PATCH_LENGTH;
      const entry = image.readUInt32LE(row);
      return {
        at: entry,
        original: Buffer.from(image.subarray(row + 8, row + 8 + JUMP_LENGTH)),
        jump: jump(entry, at + image.readUInt32LE(row + 4)),
      };
    });
    blobs.push({ id, at, length, patches });
  }
  return blobs;
}

/** True when the entry point leads into the blob. */
export function isInForce(image: Buffer, patch: Patch): boolean {
  return image.subarray(patch.at, patch.at + JUMP_LENGTH).equals(patch.jump);
}

function hookOf(name: ClockFunction, image: Buffer, entry: number, hook: number, offsetMs: number): Buffer {
  if (name === "gettimeofday") return gettimeofdayHook(offsetMs);
  if (name === "time") return timeHook(offsetMs);
  return clockGettimeHook(image, entry, hook, offsetMs);
}

const u32 = (value: number): number[] => [...new Uint8Array(new Uint32Array([value]).buffer)];
const i64 = (value: number): number[] => [...new Uint8Array(new BigInt64Array([BigInt(value)]).buffer)];

/** System calls of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl). */
const SYS_GETTIMEOFDAY = 96;
const SYS_CLOCK_GETTIME = 228;
const CLOCK_REALTIME_COARSE = 5;
const NS_PER_S = 1_000_000_000;
const US_PER_S = 1_000_000;

const systemCall = (number: number): number[] => [0xb8, ...u32(number), 0x0f, 0x05]; // mov eax, number; syscall
const RET = 0xc3;

/**
 * Adds the offset to the pair of 64-bit words that `register` points to, seconds and a fraction of `perSecond`
 * parts, and returns 0.
 */
function addTo(register: "rsi" | "rdi", seconds: number, fraction: number, perSecond: number): number[] {
  const [r, r8] = register === "rsi" ? [0x06, 0x46] : [0x07, 0x47];
  return [
    ...[0x48, 0x8b, r8, 0x08], // mov rax, [r + 8]
    ...[0x48, 0x05, ...u32(fraction)], // add rax, fraction
    ...[0x48, 0xb9, ...i64(seconds)], // mov rcx, seconds
    ...[0x48, 0x03, r | 0x08], // add rcx, [r]
    ...[0x48, 0x3d, ...u32(perSecond)], // cmp rax, perSecond
    ...[0x72, 9], // jb store
    ...[0x48, 0x2d, ...u32(perSecond)], // sub rax, perSecond
    ...[0x48, 0xff, 0xc1], // inc rcx
    ...[0x48, 0x89, r | 0x08], // store: mov [r], rcx
    ...[0x48, 0x89, r8, 0x08], // mov [r + 8], rax
    ...[0x31, 0xc0, RET], // xor eax, eax; ret
  ];
}

/** int clock_gettime(clockid_t in edi, struct timespec * in rsi). */
function clockGettimeHook(image: Buffer, entry: number, hook: number, offsetMs: number): Buffer {
  const { seconds, nanoseconds } = splitOffset(offsetMs);
  const realtime = [
    ...systemCall(SYS_CLOCK_GETTIME),
    ...[0x85, 0xc0], // test eax, eax
    ...[0x74, 1], // jz add
    RET,
    ...addTo("rsi", seconds, nanoseconds, NS_PER_S),
  ];
  const choose = [
    ...[0x85, 0xff], // test edi, edi: CLOCK_REALTIME
    ...[0x74, 5], // jz realtime
    ...[0x83, 0xff, CLOCK_REALTIME_COARSE], // cmp edi, CLOCK_REALTIME_COARSE
    ...[0x75, realtime.length], // jne other
  ];
  const start = Buffer.from([...choose, ...realtime]);
  const prologue = movablePrologue(image.subarray(entry), JUMP_LENGTH);
  if (prologue === null) return Buffer.concat([start, Buffer.from([...systemCall(SYS_CLOCK_GETTIME), RET])]);
  const back = jump(hook + start.length + prologue.length, entry + prologue.length);
  return Buffer.concat([start, prologue, back]);
}

/** int gettimeofday(struct timeval * in rdi, struct timezone * in rsi); either may be NULL. */
function gettimeofdayHook(offsetMs: number): Buffer {
  const { seconds, nanoseconds } = splitOffset(offsetMs);
  return Buffer.from([
    ...systemCall(SYS_GETTIMEOFDAY),
    ...[0x85, 0xc0], // test eax, eax
    ...[0x75, 5], // jnz return
    ...[0x48, 0x85, 0xff], // test rdi, rdi
    ...[0x75, 1], // jnz add
    RET,
    ...addTo("rdi", seconds, nanoseconds / 1_000, US_PER_S),
  ]);
}

/**
 * time_t time(time_t * in rdi, may be NULL): the seconds of CLOCK_REALTIME_COARSE, as in the kernel. The timespec
 * goes below the stack pointer, where the ABI lets a function keep 128 bytes that no signal handler overwrites.
 */
function timeHook(offsetMs: number): Buffer {
  const { seconds, nanoseconds } = splitOffset(offsetMs);
  return Buffer.from([
    ...[0x49, 0x89, 0xf8], // mov r8, rdi
    ...[0xbf, ...u32(CLOCK_REALTIME_COARSE)], // mov edi, CLOCK_REALTIME_COARSE
    ...[0x48, 0x8d, 0x74, 0x24, 0xe8], // lea rsi, [rsp - 24]
    ...systemCall(SYS_CLOCK_GETTIME),
    ...[0x48, 0x8b, 0x4c, 0x24, 0xf0], // mov rcx, [rsp - 16]
    ...[0x48, 0x81, 0xc1, ...u32(nanoseconds)], // add rcx, nanoseconds
    ...[0x48, 0xb8, ...i64(seconds)], // mov rax, seconds
    ...[0x48, 0x03, 0x44, 0x24, 0xe8], // add rax, [rsp - 24]
    ...[0x48, 0x81, 0xf9, ...u32(NS_PER_S)], // cmp rcx, 1e9
    ...[0x72, 3], // jb answer
    ...[0x48, 0xff, 0xc0], // inc rax
    ...[0x4d, 0x85, 0xc0], // answer: test r8, r8
    ...[0x74, 3], // jz return
    ...[0x49, 0x89, 0x00], // mov [r8], rax
    RET,
  ]);
}

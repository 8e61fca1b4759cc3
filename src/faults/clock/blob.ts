/**
 * The code that is put into a vDSO to skew the clock, and how to recognise it there. Pure.
 *
 * The first five bytes of each time function become `jmp rel32` to a hook in the vDSO's unused end. For the
 * realtime clocks a hook makes the real system call and adds the offset to its answer; it calls nothing, so that no
 * return address into the blob is ever on a stack. Other clocks run the displaced instructions and go on in the
 * original function; where those cannot be moved, they make the system call. On the machine this was written on
 * (kernel 6.18) a Date.now() takes 270 to 350 ns instead of 35 to 50, performance.now() as long as before.
 *
 * A second blob is for the waits until an instant (waits.ts): there the pointers through which programs call the C
 * library become pointers to a hook, which takes the offset off the instant again.
 *
 * A child inherits what was patched by fork, and no journal knows that child: so a blob itself says whose it is and
 * what it displaced.
 *
 *     0  magic        8 bytes
 *     8  fault id    16 bytes, zero-padded
 *    24  length       u32, of the whole blob
 *    28  patches      u32
 *    32  per patch   24 bytes: i64 where (offset from the vDSO), u32 hook (offset in the blob), u32 length, 8 displaced
 *        code
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import { type ClockFunction, clockEntries, tailStart } from "./elf.ts";
import { movablePrologue } from "./prologue.ts";
import type { Waits } from "./waits.ts";

const MAGIC = Buffer.from("chaosck2", "latin1");
const ID_LENGTH = 16;
const HEADER_LENGTH = 32;
const PATCH_LENGTH = 24;
/** Length of `jmp rel32`. */
export const JUMP_LENGTH = 5;
/** Length of a pointer to a function. */
const POINTER_LENGTH = 8;

/** An address space that has a vDSO. Everything in it is named by its offset from there, which may be negative. */
export interface Space {
  /** Address of the vDSO. */
  readonly start: number;
  /** Bytes; null when they are no longer there. */
  read(at: number, length: number): Buffer | null;
}

/** Bytes that lead into a blob, before and after: the beginning of a function, or a pointer to one. */
export interface Patch {
  at: number;
  original: Buffer;
  patched: Buffer;
}

export interface Blob {
  id: string;
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

function pointer(address: number): Buffer {
  const bytes = Buffer.alloc(POINTER_LENGTH);
  bytes.writeBigUInt64LE(BigInt(address));
  return bytes;
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
  const hooks = clockEntries(image).map(({ at, function: name }): Hook => {
    const original = Buffer.from(image.subarray(at, at + JUMP_LENGTH));
    return {
      code: (hook) => hookOf(name, image, at, hook, offsetMs),
      ways: [{ at, original, patched: (hook) => jump(at, hook) }],
    };
  });
  return blobOf(image, id, hooks);
}

/**
 * The same for the waits of a process, whose vDSO has this image and address.
 *
 * @throws {ChaoslabError} `prerequisite` when the vDSO has no room.
 */
export function assembleWaits(
  image: Buffer,
  start: number,
  { id, offsetMs }: { id: string; offsetMs: number },
  { slots, target, epilogue }: Waits,
): Blob & { bytes: Buffer } {
  const ways = slots.map(({ address, original }) => ({
    at: address - start,
    original,
    patched: (hook: number) => pointer(start + hook),
  }));
  return blobOf(image, id, [{ code: () => waitHook(offsetMs, target, epilogue), ways }]);
}

interface Hook {
  /** The instructions, for the offset where they will be. */
  code: (hook: number) => Buffer;
  /** What leads to it. */
  ways: readonly { at: number; original: Buffer; patched: (hook: number) => Buffer }[];
}

/** Lays a blob out in the unused end of the image. */
function blobOf(image: Buffer, id: string, hooks: readonly Hook[]): Blob & { bytes: Buffer } {
  const at = tailStart(image);
  const count = hooks.reduce((sum, { ways }) => sum + ways.length, 0);
  const header = Buffer.alloc(HEADER_LENGTH + count * PATCH_LENGTH);
  const codes: Buffer[] = [];
  const patches: Patch[] = [];
  let length = header.length;
  for (const { code, ways } of hooks) {
    for (const { at: where, original, patched } of ways) {
      const row = HEADER_LENGTH + patches.length * PATCH_LENGTH;
      header.writeBigInt64LE(BigInt(where), row);
      header.writeUInt32LE(length, row + 8);
      header.writeUInt32LE(original.length, row + 12);
      original.copy(header, row + 16);
      patches.push({ at: where, original, patched: patched(at + length) });
    }
    const instructions = code(at + length);
    codes.push(instructions);
    length += instructions.length;
  }
  if (at + length > image.length) {
    const free = image.length - at;
    throw new ChaoslabError("prerequisite", `the vDSO has ${free} unused bytes at its end, not ${length}`);
  }
  MAGIC.copy(header);
  if (header.write(id, MAGIC.length, ID_LENGTH, "latin1") < id.length) throw new RangeError(`id ${id}`);
  header.writeUInt32LE(length, 24);
  header.writeUInt32LE(count, 28);
  return { id, at, length, patches, bytes: Buffer.concat([header, ...codes]) };
}

/** Every blob of ours in the vDSO with this image and address, in force or not. */
export function findBlobs(image: Buffer, start: number): Blob[] {
  const blobs: Blob[] = [];
  for (let at = image.indexOf(MAGIC); at >= 0; at = image.indexOf(MAGIC, at + 1)) {
    if (at % 16 !== 0 || at + HEADER_LENGTH > image.length) continue;
    const [length, count] = [image.readUInt32LE(at + 24), image.readUInt32LE(at + 28)];
    if (at + length > image.length || HEADER_LENGTH + count * PATCH_LENGTH > length) continue;
    const id = image.toString("latin1", at + MAGIC.length, at + MAGIC.length + ID_LENGTH).replace(/\0+$/, "");
    const patches = Array.from({ length: count }, (_, i) => patchOf(image, start, at, i));
    if (!patches.every((patch) => patch !== null)) continue;
    blobs.push({ id, at, length, patches });
  }
  return blobs;
}

/** A row of the table of the blob that begins at `blob`; null when it is none of ours. */
function patchOf(image: Buffer, start: number, blob: number, index: number): Patch | null {
  const row = blob + HEADER_LENGTH + index * PATCH_LENGTH;
  const at = Number(image.readBigInt64LE(row));
  const hook = blob + image.readUInt32LE(row + 8);
  const length = image.readUInt32LE(row + 12);
  const original = Buffer.from(image.subarray(row + 16, row + 16 + length));
  if (length === POINTER_LENGTH) return { at, original, patched: pointer(start + hook) };
  if (length !== JUMP_LENGTH || at < 0 || at + length > image.length) return null;
  return { at, original, patched: jump(at, hook) };
}

/** True when the patch is there, and leads into its blob. */
export function isInForce(space: Space, { at, patched }: Patch): boolean {
  return space.read(at, patched.length)?.equals(patched) ?? false;
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

/** Instants of the wall clock, in seconds since 1970: others are of another clock, or mean "for ever". */
const EARLIEST_S = 1_000_000_000;
const SPAN_S = 0x7fffffff;
const TIMESPEC_ROOM = 24;
/** `add rsp, 24; ret`: how a function without saved registers ends. */
export const EPILOGUE = Buffer.from([0x48, 0x83, 0xc4, TIMESPEC_ROOM, RET]);

/**
 * int pthread_cond_timedwait(pthread_cond_t * in rdi, pthread_mutex_t * in rsi, const struct timespec * in rdx), which
 * waits until an instant by the kernel's clock: calls `target` with the instant less the offset.
 *
 * The changed instant lives on the stack, and `target` returns to `epilogue`, an address with the instructions of
 * EPILOGUE that is not ours: so a thread that waits has nothing on its stack that leads back here, and the code may
 * go while it waits. Instants that are not of the wall clock are left alone.
 */
function waitHook(offsetMs: number, target: number, epilogue: number): Buffer {
  const { seconds, nanoseconds } = splitOffset(-offsetMs);
  const changed = [
    ...[0x48, 0x83, 0xec, TIMESPEC_ROOM], // sub rsp, TIMESPEC_ROOM
    ...[0x49, 0x81, 0xc0, ...u32(nanoseconds)], // add r8, nanoseconds
    ...[0x48, 0xb9, ...i64(seconds)], // mov rcx, seconds
    ...[0x48, 0x01, 0xc8], // add rax, rcx
    ...[0x49, 0x81, 0xf8, ...u32(NS_PER_S)], // cmp r8, 1e9
    ...[0x72, 10], // jb store
    ...[0x49, 0x81, 0xe8, ...u32(NS_PER_S)], // sub r8, 1e9
    ...[0x48, 0xff, 0xc0], // inc rax
    ...[0x48, 0x89, 0x04, 0x24], // store: mov [rsp], rax
    ...[0x4c, 0x89, 0x44, 0x24, 0x08], // mov [rsp + 8], r8
    ...[0x48, 0x89, 0xe2], // mov rdx, rsp
    ...[0x48, 0xb9, ...i64(epilogue)], // mov rcx, epilogue
    0x51, // push rcx
  ];
  const nanosecondsOk = [
    ...[0x4c, 0x8b, 0x42, 0x08], // mov r8, [rdx + 8]
    ...[0x49, 0x81, 0xf8, ...u32(NS_PER_S)], // cmp r8, 1e9
    ...[0x73, changed.length], // jae call
  ];
  const secondsOk = [
    ...[0x48, 0x8b, 0x02], // mov rax, [rdx]
    ...[0x48, 0x8d, 0x88, ...u32(-EARLIEST_S)], // lea rcx, [rax - EARLIEST_S]
    ...[0x48, 0x81, 0xf9, ...u32(SPAN_S)], // cmp rcx, SPAN_S
    ...[0x73, nanosecondsOk.length + changed.length], // jae call
  ];
  return Buffer.from([
    ...[0x48, 0x85, 0xd2], // test rdx, rdx
    ...[0x74, secondsOk.length + nanosecondsOk.length + changed.length], // jz call
    ...secondsOk,
    ...nanosecondsOk,
    ...changed,
    ...[0x48, 0xb8, ...i64(target)], // call: mov rax, target
    ...[0xff, 0xe0], // jmp rax
  ]);
}

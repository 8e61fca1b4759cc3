/**
 * Where a process calls pthread_cond_timedwait(3), which waits until an instant of the wall clock.
 *
 * The kernel keeps the time of such a wait by its own clock. With the vDSO skewed alone, a wait would be over at once
 * while the clock is behind (threads that wait again and again, as the helper threads of JavaScriptCore do, would
 * spin), and last longer by the offset while it is ahead. A clock that is wrong by itself has no such effect.
 *
 * A program and its libraries call the function through pointers of their own, which the dynamic linker fills in (the
 * global offset table: System V ABI for x86-64, 5.2 and 5.3). Not found: a pointer taken by dlsym(3), and what is
 * loaded later.
 * @module
 */
import { readFileSync } from "node:fs";
import { codeOf } from "../../cli/errors.ts";
import { EPILOGUE } from "./blob.ts";
import {
  defaultFunction,
  EM_X86_64,
  executableSegment,
  type Segment,
  SYMBOL_LENGTH,
  segments,
} from "./elf.ts";
import type { VdsoMemory } from "./memory.ts";

/** What the hook of a process's waits is made from. Addresses are of that process. */
export interface Waits {
  /** The C library's function. */
  target: number;
  /** Instructions of the C library that are those of EPILOGUE. */
  epilogue: number;
  /** Pointers to it, or to what would look it up at the first call. */
  slots: { address: number; original: Buffer }[];
}

/** A file as it is mapped. */
interface Module {
  /** Of the mapping that has the file's beginning. */
  start: number;
  end: number;
  /** Of its last mapping. */
  lastEnd: number;
  path: string;
}

const FUNCTION = "pthread_cond_timedwait";
const LIBC = /\/libc(\.so\.6|-2\.\d+\.so)$/;
/** <elf.h>. */
const PT_DYNAMIC = 2;
const DT_PLTRELSZ = 2;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_RELA = 7;
const DT_RELASZ = 8;
const DT_STRSZ = 10;
const DT_JMPREL = 23;
const R_X86_64_GLOB_DAT = 6;
const R_X86_64_JUMP_SLOT = 7;
const RELOCATION_LENGTH = 24;
const PAGE = 4_096;

/** Null where nothing of the process calls it, or it has no C library that is known here. */
export function findWaits(memory: VdsoMemory): Waits | null {
  const modules = modulesOf(memory.maps);
  const slots = modules.flatMap((module) => slotsOf(memory, module).map((slot) => ({ ...slot, module })));
  const libc = slots.length > 0 ? modules.find(({ path }) => LIBC.test(path)) : undefined;
  const found = libc && inLibc(memory, libc);
  if (!found) return null;
  // One that leads elsewhere was put there by somebody else.
  const ours = slots.filter(({ original, module }) => {
    const to = Number(original.readBigUInt64LE());
    return to === found.target || (to >= module.start && to < module.lastEnd);
  });
  if (ours.length === 0) return null;
  return { ...found, slots: ours.map(({ address, original }) => ({ address, original })) };
}

/** The files of /proc/PID/maps, with the mapping of their beginnings. */
export function modulesOf(maps: string): Module[] {
  const modules = new Map<string, Module>();
  for (const line of maps.split("\n")) {
    const [, from = "", to = "", offset = "", path = ""] =
      /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(\/.*)$/.exec(line) ?? [];
    const [start, end] = [Number.parseInt(from, 16), Number.parseInt(to, 16)];
    const known = modules.get(path);
    if (known) known.lastEnd = end;
    else if (path !== "" && Number.parseInt(offset, 16) === 0) {
      modules.set(path, { start, end, lastEnd: end, path });
    }
  }
  return [...modules.values()];
}

/** The pointers to the function in one module. */
function slotsOf(memory: VdsoMemory, module: Module): Waits["slots"] {
  const read = (address: number, length: number): Buffer | null => {
    const bytes = memory.read(address - memory.start, length);
    return bytes?.length === length ? bytes : null;
  };
  const header = read(module.start, 64);
  if (header?.toString("latin1", 0, 4) !== "\x7fELF" || header.readUInt16LE(18) !== EM_X86_64) return [];
  const table = read(module.start, Number(header.readBigUInt64LE(32)) + header.readUInt16LE(56) * 56);
  const parts = table ? segments(table) : [];
  const base = baseOf(module, parts);
  const dynamic = parts.find(({ type }) => type === PT_DYNAMIC);
  const bytes = dynamic && read(base + dynamic.address, dynamic.size);
  if (!bytes) return [];
  const tags = tagsOf(bytes);
  const value = (tag: number): number => tags.get(tag) ?? 0;
  // The dynamic linker may have made addresses of what were offsets.
  const address = (tag: number): number => (value(tag) < base ? base + value(tag) : value(tag));
  // Names share their ends: the one that is looked for has one place.
  const name = read(address(DT_STRTAB), value(DT_STRSZ))?.indexOf(`${FUNCTION}\0`) ?? -1;
  if (name < 0) return [];

  const relocations = [
    [DT_JMPREL, DT_PLTRELSZ],
    [DT_RELA, DT_RELASZ],
  ].flatMap(([at = 0, size = 0]) => [...pointersOf(read(address(at), value(size)))]);
  const last = Math.max(-1, ...relocations.map(({ symbol }) => symbol));
  const symbols = read(address(DT_SYMTAB), (last + 1) * SYMBOL_LENGTH);
  return relocations.flatMap(({ at, symbol }) => {
    const entry = symbols?.subarray(symbol * SYMBOL_LENGTH);
    // Of section 0: undefined here, so of a library.
    if (!entry || entry.readUInt32LE(0) !== name || entry.readUInt16LE(6) !== 0) return [];
    const original = read(base + at, 8);
    return original ? [{ address: base + at, original }] : [];
  });
}

/** What addresses in the file count from. */
function baseOf(module: Module, parts: readonly Segment[]): number {
  const first = parts.find(({ loaded }) => loaded);
  return module.start - ((first?.address ?? 0) & -PAGE);
}

function tagsOf(dynamic: Buffer): Map<number, number> {
  const tags = new Map<number, number>();
  for (let at = 0; at + 16 <= dynamic.length; at += 16) {
    const tag = Number(dynamic.readBigInt64LE(at));
    if (tag === 0) break;
    tags.set(tag, Number(dynamic.readBigUInt64LE(at + 8)));
  }
  return tags;
}

/** Relocations that fill in a pointer to a symbol. */
function* pointersOf(table: Buffer | null): Generator<{ at: number; symbol: number }> {
  for (let at = 0; table && at + RELOCATION_LENGTH <= table.length; at += RELOCATION_LENGTH) {
    const type = table.readUInt32LE(at + 8);
    if (type !== R_X86_64_JUMP_SLOT && type !== R_X86_64_GLOB_DAT) continue;
    yield { at: Number(table.readBigUInt64LE(at)), symbol: table.readUInt32LE(at + 12) };
  }
}

/** The function and an epilogue in the C library, as the process has it mapped. */
function inLibc(memory: VdsoMemory, libc: Module): Pick<Waits, "target" | "epilogue"> | null {
  const file = mappedFile(memory.process.pid, libc);
  if (!file) return null;
  const base = baseOf(libc, segments(file));
  const target = defaultFunction(file, FUNCTION);
  const code = executableSegment(file);
  const at = code ? file.subarray(code.at, code.at + code.size).indexOf(EPILOGUE) : -1;
  if (target === null || !code || at < 0) return null;
  return { target: base + target, epilogue: base + code.address + at };
}

/** The file that is mapped, whatever its path leads to now; null when the process is gone, or may not be looked into. */
function mappedFile(pid: number, { start, end }: Module): Buffer | null {
  try {
    return readFileSync(`/proc/${pid}/map_files/${start.toString(16)}-${end.toString(16)}`);
  } catch (error) {
    if (["ENOENT", "ESRCH", "EPERM", "EACCES"].includes(codeOf(error) ?? "")) return null;
    throw error;
  }
}

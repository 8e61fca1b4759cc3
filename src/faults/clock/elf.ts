/**
 * Reads ELF files, above all the vDSO, the small library that the kernel maps into each process (vdso(7)): where the
 * functions that tell the time begin, and where the mapping's unused end begins. Offsets count in bytes from its start.
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";

/** Which of the time functions an entry point is. */
export type ClockFunction = "clock_gettime" | "gettimeofday" | "time";

export interface VdsoEntry {
  function: ClockFunction;
  /** Offset of its first instruction. */
  at: number;
}

const NAMES: readonly ClockFunction[] = ["clock_gettime", "gettimeofday", "time"];
/** <elf.h>. */
const ELFCLASS64 = 2;
export const EM_X86_64 = 62;
const PT_LOAD = 1;
const PF_X = 1;
const SHT_DYNSYM = 11;
const SHT_GNU_VERSYM = 0x6fffffff;
/** Of a symbol's version: there is a newer one of that name. */
const VERSYM_HIDDEN = 0x8000;
const STT_FUNC = 2;
/** Of an entry in a table of symbols. */
export const SYMBOL_LENGTH = 24;
/** A `jmp rel32` has to fit. */
const SMALLEST_FUNCTION = 5;

/**
 * Entry points of the time functions, each address once although it has two names (`__vdso_time` and `time`).
 *
 * @throws {ChaoslabError} `prerequisite` when this is not the vDSO of an x86-64 process, or lacks a function.
 */
export function clockEntries(image: Buffer): VdsoEntry[] {
  if (image.length < 64 || image.toString("latin1", 0, 4) !== "\x7fELF") throw unusable("is not an ELF file");
  if (image[4] !== ELFCLASS64 || image.readUInt16LE(18) !== EM_X86_64) throw unusable("is not of x86-64");
  const base = loadAddress(image);
  const found = new Map<number, VdsoEntry>();
  for (const { name, value, size } of functions(image)) {
    const known = NAMES.find((each) => name === each || name === `__vdso_${each}`);
    if (known === undefined) continue;
    const at = value - base;
    if (size < SMALLEST_FUNCTION || at + size > image.length) throw unusable(`has a strange ${name}`);
    found.set(at, { function: known, at });
  }
  const entries = [...found.values()].sort((a, b) => a.at - b.at);
  const missing = NAMES.filter((name) => !entries.some((entry) => entry.function === name));
  if (missing.length > 0) throw unusable(`has no ${missing.join(", ")}`);
  return entries;
}

/** Offset behind the last byte in use, 16-aligned: from here to the end everything is zero and means nothing. */
export function tailStart(image: Buffer): number {
  // The last section's header may end in zeros.
  const sectionsEnd = Number(image.readBigUInt64LE(40)) + image.readUInt16LE(58) * image.readUInt16LE(60);
  let end = image.length;
  while (end > sectionsEnd && image[end - 1] === 0) end--;
  return Math.min(image.length, (end + 15) & ~15);
}

/** A part of the file as it is to be mapped. */
export interface Segment {
  type: number;
  /** To be mapped as it is. */
  loaded: boolean;
  executable: boolean;
  /** Offset in the file. */
  at: number;
  /** Where it was linked for. */
  address: number;
  /** In memory, in bytes. */
  size: number;
}

export function segments(image: Buffer): Segment[] {
  const at = Number(image.readBigUInt64LE(32));
  const [size, count] = [image.readUInt16LE(54), image.readUInt16LE(56)];
  return Array.from({ length: count }, (_, i) => {
    const header = within(image, at + i * size, 56);
    const type = header.readUInt32LE(0);
    return {
      type,
      loaded: type === PT_LOAD,
      executable: (header.readUInt32LE(4) & PF_X) !== 0,
      at: Number(header.readBigUInt64LE(8)),
      address: Number(header.readBigUInt64LE(16)),
      size: Number(header.readBigUInt64LE(40)),
    };
  });
}

/** The part that has a file's instructions. */
export function executableSegment(image: Buffer): Segment | null {
  return segments(image).find(({ loaded, executable }) => loaded && executable) ?? null;
}

/** Where a function begins, in its newest version; null when the file has none of that name. */
export function defaultFunction(image: Buffer, wanted: string): number | null {
  const versions = sections(image).find(({ type }) => type === SHT_GNU_VERSYM);
  const { dynsym, strings } = dynamicSymbols(image);
  // Names share their ends: the one that is looked for has one place.
  const name = strings.indexOf(`${wanted}\0`);
  for (let index = 0; name >= 0 && index < dynsym.size / SYMBOL_LENGTH; index++) {
    const symbol = within(image, dynsym.at + SYMBOL_LENGTH * index, SYMBOL_LENGTH);
    if (symbol.readUInt32LE(0) !== name) continue;
    const version = versions ? within(image, versions.at + 2 * index, 2).readUInt16LE() : 0;
    if ((version & VERSYM_HIDDEN) === 0) return Number(symbol.readBigUInt64LE(8));
  }
  return null;
}

/** Address that the file was linked for: symbols count from it. Zero in today's kernels. */
function loadAddress(image: Buffer): number {
  const first = segments(image).find(({ loaded }) => loaded);
  if (!first) throw unusable("has no loadable segment");
  return first.address;
}

function dynamicSymbols(image: Buffer): { dynsym: Section; strings: Buffer } {
  const all = sections(image);
  const dynsym = all.find((section) => section.type === SHT_DYNSYM);
  const dynstr = dynsym && all[dynsym.link];
  if (!dynsym || !dynstr) throw unusable("has no table of dynamic symbols");
  return { dynsym, strings: within(image, dynstr.at, dynstr.size) };
}

function* functions(image: Buffer): Generator<{ name: string; value: number; size: number }> {
  const { dynsym, strings } = dynamicSymbols(image);
  for (let at = dynsym.at; at < dynsym.at + dynsym.size; at += SYMBOL_LENGTH) {
    const symbol = within(image, at, SYMBOL_LENGTH);
    if ((symbol.readUInt8(4) & 0xf) !== STT_FUNC) continue;
    const start = symbol.readUInt32LE(0);
    const name = strings.toString("latin1", start, strings.indexOf(0, start));
    yield { name, value: Number(symbol.readBigUInt64LE(8)), size: Number(symbol.readBigUInt64LE(16)) };
  }
}

interface Section {
  type: number;
  at: number;
  size: number;
  link: number;
}

function sections(image: Buffer): Section[] {
  const start = Number(image.readBigUInt64LE(40));
  const [size, count] = [image.readUInt16LE(58), image.readUInt16LE(60)];
  return Array.from({ length: count }, (_, i) => {
    const header = within(image, start + i * size, 64);
    return {
      type: header.readUInt32LE(4),
      at: Number(header.readBigUInt64LE(24)),
      size: Number(header.readBigUInt64LE(32)),
      link: header.readUInt32LE(40),
    };
  });
}

function within(image: Buffer, at: number, length: number): Buffer {
  if (at < 0 || at + length > image.length) throw unusable("points outside of itself");
  return image.subarray(at, at + length);
}

const unusable = (why: string): ChaoslabError => new ChaoslabError("prerequisite", `the vDSO ${why}`);

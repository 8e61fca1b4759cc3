import { describe, expect, test } from "bun:test";
import { self } from "../../lab/process.ts";
import { clockEntries, tailStart } from "./elf.ts";
import { findVdso, VdsoMemory } from "./memory.ts";
import { parseThreadState } from "./ptrace.ts";

describe.skipIf(process.arch !== "x64")("this machine's own vDSO", () => {
  using memory = VdsoMemory.open(self());
  const image = memory?.image() ?? Buffer.alloc(0);

  test("has the three functions once each, although each has two names", () => {
    expect(
      clockEntries(image)
        .map((entry) => entry.function)
        .sort(),
    ).toEqual(["clock_gettime", "gettimeofday", "time"]);
  });

  test("has an unused end, aligned, behind the section headers", () => {
    const at = tailStart(image);
    expect(at % 16).toBe(0);
    expect(at).toBeGreaterThan(Number(image.readBigUInt64LE(40)));
    expect(image.subarray(at).every((byte) => byte === 0)).toBe(true);
  });

  test.each([
    ["no ELF file", (copy: Buffer) => copy.fill(0, 0, 4)],
    ["of 32 bits", (copy: Buffer) => copy.writeUInt8(1, 4)],
    ["of another machine", (copy: Buffer) => copy.writeUInt16LE(183, 18)],
    ["with sections outside of it", (copy: Buffer) => copy.writeBigUInt64LE(1n << 40n, 40)],
    ["without sections", (copy: Buffer) => copy.writeUInt16LE(0, 60)],
  ])("is refused in one line when it is %s", (_, spoil) => {
    const copy = Buffer.from(image);
    spoil(copy);
    expect(() => clockEntries(copy)).toThrow(/^the vDSO [^\n]+$/);
  });
});

test("the vDSO is found in the maps of a process", () => {
  const maps =
    "7ffd10ed2000-7ffd10ed6000 r--p 00000000 00:00 0   [vvar]\n7ffd10ed8000-7ffd10eda000 r-xp 00000000 00:00 0   [vdso]\n";
  expect(findVdso(maps)).toEqual({ start: 0x7ffd10ed8000, size: 0x2000 });
  expect(findVdso("")).toBeNull();
});

test.each([
  ["232 0x4 0x7ff 0x400 0x1 0x0 0x8 0x7ffc01 0x7f1234\n", { stack: 0x7ffc01, instruction: 0x7f1234 }],
  ["-1 0x7ffc01 0x7f1234\n", { stack: 0x7ffc01, instruction: 0x7f1234 }],
  ["running\n", null],
  ["", null],
])("where a thread is: %p", (text, state) => expect(parseThreadState(text)).toEqual(state));

import { describe, expect, test } from "bun:test";
import { self } from "../../lab/process.ts";
import { assemble, assembleWaits, EPILOGUE, findBlobs, isInForce, jump, splitOffset } from "./blob.ts";
import { tailStart } from "./elf.ts";
import { VdsoMemory } from "./memory.ts";
import { movablePrologue } from "./prologue.ts";
import { activeBlobs, isSkewed, restored } from "./skew.ts";

test.each([
  [0, 5, "e900000000"],
  [0x1000, 0x1a20, "e91b0a0000"],
  [0x1b44, 0xaf6, "e9adefffff"],
])("jump from %p to %p", (from, to, hex) => expect(jump(from, to).toString("hex")).toBe(hex));

test.each([
  [1, 0, 1_000_000],
  [-1, -1, 999_000_000],
  [300_500, 300, 500_000_000],
  [-300_500, -301, 500_000_000],
  [-86_400_000, -86_400, 0],
])("an offset of %p ms", (ms, seconds, nanoseconds) =>
  expect(splitOffset(ms)).toEqual({ seconds, nanoseconds }),
);

test.each([
  ["push rbp; mov rbp, rsp; push r14", "554889e541564883e4f0", "554889e54156"],
  ["endbr64; push rbp; mov rbp, rsp", "f30f1efa554889e5", "f30f1efa55"],
  ["sub rsp, imm32", "4881ec8000000090", "4881ec80000000"],
  ["rip-relative lea", "4c8d15e897ffff90", null],
  ["push rbp; rip-relative lea", "554c8d15e897ffff", null],
  ["push rbp; mov rbp, [rsp]", "55488b2c249090", null],
  ["a prologue that is cut off", "55488", null],
  ["nothing", "", null],
])("what can be moved of %s", (_, code, moved) => {
  expect(movablePrologue(Buffer.from(code, "hex"), 5)).toEqual(
    moved === null ? null : Uint8Array.from(Buffer.from(moved, "hex")),
  );
});

describe.skipIf(process.arch !== "x64")("in this machine's own vDSO", () => {
  using memory = VdsoMemory.open(self());
  const image = memory?.image() ?? Buffer.alloc(0);
  const space = (of: Buffer, start = 0) => ({
    start,
    read: (at: number, length: number) => (at < 0 ? null : of.subarray(at, at + length)),
  });
  const activeIn = (of: Buffer) => activeBlobs(space(of), of);
  const patched = (id: string, offsetMs: number): Buffer => {
    const blob = assemble(image, id, offsetMs);
    const copy = Buffer.from(image);
    blob.bytes.copy(copy, blob.at);
    for (const patch of blob.patches) patch.patched.copy(copy, patch.at);
    return copy;
  };

  test("the blob lies in the unused end, and every jump leads behind its header", () => {
    const blob = assemble(image, "f-12345678", 1_500);
    expect(blob.at).toBe(tailStart(image));
    expect(blob.at + blob.bytes.length).toBeLessThanOrEqual(image.length);
    for (const { at, patched: code, original } of blob.patches) {
      const to = at + 5 + code.readInt32LE(1);
      expect(to).toBeGreaterThanOrEqual(blob.at + 32 + 24 * blob.patches.length);
      expect(to).toBeLessThan(blob.at + blob.length);
      expect(original.equals(image.subarray(at, at + 5))).toBe(true);
    }
  });

  test("it is recognised by what it is, and gives the image back byte for byte", () => {
    const copy = patched("f-12345678", -300_500);
    const [blob] = activeIn(copy);
    expect(blob?.id).toBe("f-12345678");
    expect(blob && restored(copy, blob).equals(image)).toBe(true);
    expect(isSkewed(space(copy), copy, { id: "f-12345678", offsetMs: -300_500 })).toBe(true);
  });

  test("another fault's blob, another offset, one entry less: not skewed", () => {
    const skew = { id: "f-1", offsetMs: 1_000 };
    expect(isSkewed(space(image), image, skew)).toBe(false);
    for (const copy of [patched("f-2", 1_000), patched("f-1", 2_000)]) {
      expect(isSkewed(space(copy), copy, skew)).toBe(false);
    }
    const copy = patched("f-1", 1_000);
    const patch = findBlobs(copy, 0)[0]?.patches[0];
    if (patch) patch.original.copy(copy, patch.at);
    expect(isSkewed(space(copy), copy, skew)).toBe(false);
  });

  test("a blob that nothing leads into is there, but not in force", () => {
    const copy = patched("f-1", 1_000);
    for (const patch of findBlobs(copy, 0)[0]?.patches ?? []) patch.original.copy(copy, patch.at);
    expect(findBlobs(copy, 0)[0]?.patches.some((patch) => isInForce(space(copy), patch))).toBe(false);
    expect(activeIn(copy)).toEqual([]);
  });

  test("bytes that only begin like a blob are not one", () => {
    const copy = Buffer.from(image);
    const at = tailStart(image);
    copy.write("chaosck2", at, "latin1");
    copy.writeUInt32LE(0xffffffff, at + 28);
    expect(findBlobs(copy, 0)).toEqual([]);
    // A patch outside of the vDSO that is no pointer, then one of no known length.
    copy.writeUInt32LE(200, at + 24);
    copy.writeUInt32LE(1, at + 28);
    copy.writeBigInt64LE(-(1n << 40n), at + 32);
    copy.writeUInt32LE(5, at + 44);
    expect(findBlobs(copy, 0)).toEqual([]);
    copy.writeUInt32LE(7, at + 44);
    expect(findBlobs(copy, 0)).toEqual([]);
  });

  test("the waits' blob stands behind the time's, says what it displaced, and tells its hook's address", () => {
    const copy = patched("f-1", 1_000);
    const start = 0x7ffd10ed8000;
    const slots = [0x6867c70, 0x7f0000001000].map((address, i) => ({
      address,
      original: Buffer.alloc(8, i + 1),
    }));
    const waits = { target: 0x7f1234567890, epilogue: 0x7f1234500000, slots };
    const blob = assembleWaits(copy, start, { id: "f-1", offsetMs: 1_000 }, waits);
    blob.bytes.copy(copy, blob.at);
    const [time, found] = findBlobs(copy, start);
    expect(time && found && found.at >= time.at + time.length).toBe(true);
    expect(found?.patches.map(({ at, original }) => ({ address: start + at, original }))).toEqual(slots);
    const [one, two] = found?.patches ?? [];
    expect(one?.patched).toEqual(two?.patched ?? Buffer.alloc(0));
    const hook = Number(one?.patched.readBigUInt64LE()) - start;
    const code = copy.subarray(hook, blob.at + blob.length);
    // test rdx, rdx
    expect(code.subarray(0, 3).toString("hex")).toBe("4885d2");
    expect(code.includes(EPILOGUE)).toBe(false);
    for (const address of [waits.target, waits.epilogue]) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(address));
      expect(code.includes(bytes)).toBe(true);
    }
  });

  test("without room at its end it is refused in one line", () => {
    const copy = Buffer.from(image).fill(1, tailStart(image), image.length - 64);
    expect(() => assemble(copy, "f-1", 1)).toThrow(/^the vDSO has \d+ unused bytes at its end, not \d+$/);
  });
});

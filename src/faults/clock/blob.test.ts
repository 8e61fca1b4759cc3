import { describe, expect, test } from "bun:test";
import { self } from "../../lab/process.ts";
import { assemble, findBlobs, isInForce, jump, splitOffset } from "./blob.ts";
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
  const patched = (id: string, offsetMs: number): Buffer => {
    const blob = assemble(image, id, offsetMs);
    const copy = Buffer.from(image);
    blob.bytes.copy(copy, blob.at);
    for (const patch of blob.patches) patch.jump.copy(copy, patch.at);
    return copy;
  };

  test("the blob lies in the unused end, and every jump leads behind its header", () => {
    const blob = assemble(image, "f-12345678", 1_500);
    expect(blob.at).toBe(tailStart(image));
    expect(blob.at + blob.bytes.length).toBeLessThanOrEqual(image.length);
    for (const { at, jump: code, original } of blob.patches) {
      const to = at + 5 + code.readInt32LE(1);
      expect(to).toBeGreaterThanOrEqual(blob.at + 32 + 16 * blob.patches.length);
      expect(to).toBeLessThan(blob.at + blob.length);
      expect(original.equals(image.subarray(at, at + 5))).toBe(true);
    }
  });

  test("it is recognised by what it is, and gives the image back byte for byte", () => {
    const copy = patched("f-12345678", -300_500);
    const [blob] = activeBlobs(copy);
    expect(blob?.id).toBe("f-12345678");
    expect(blob && restored(copy, blob).equals(image)).toBe(true);
    expect(isSkewed(copy, { id: "f-12345678", offsetMs: -300_500 })).toBe(true);
  });

  test("another fault's blob, another offset, one entry less: not skewed", () => {
    const skew = { id: "f-1", offsetMs: 1_000 };
    expect(isSkewed(image, skew)).toBe(false);
    expect(isSkewed(patched("f-2", 1_000), skew)).toBe(false);
    expect(isSkewed(patched("f-1", 2_000), skew)).toBe(false);
    const copy = patched("f-1", 1_000);
    const patch = findBlobs(copy)[0]?.patches[0];
    if (patch) patch.original.copy(copy, patch.at);
    expect(isSkewed(copy, skew)).toBe(false);
  });

  test("a blob that nothing leads into is there, but not in force", () => {
    const copy = patched("f-1", 1_000);
    for (const patch of findBlobs(copy)[0]?.patches ?? []) patch.original.copy(copy, patch.at);
    expect(findBlobs(copy)[0]?.patches.some((patch) => isInForce(copy, patch))).toBe(false);
    expect(activeBlobs(copy)).toEqual([]);
  });

  test("bytes that only begin like a blob are not one", () => {
    const copy = Buffer.from(image);
    copy.write("chaosclk", tailStart(image), "latin1");
    copy.writeUInt32LE(0xffffffff, tailStart(image) + 28);
    expect(findBlobs(copy)).toEqual([]);
  });

  test("without room at its end it is refused in one line", () => {
    const copy = Buffer.from(image).fill(1, tailStart(image), image.length - 64);
    expect(() => assemble(copy, "f-1", 1)).toThrow(/^the vDSO has \d+ unused bytes at its end, not \d+$/);
  });
});

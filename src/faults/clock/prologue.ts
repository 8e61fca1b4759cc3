/**
 * Which instructions at the start of a function can be moved elsewhere without changing what they do.
 * @module
 */

/** REX prefixes that say "64-bit", with or without the upper registers. */
const isRexW = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xf8) === 0x48;
/** A ModRM byte that names two registers and no memory. */
const isRegisters = (byte: number | undefined): boolean => byte !== undefined && byte >= 0xc0;

/** Length of the instruction if it is one of those that open functions and do not depend on where they are; else 0. */
function movableLength(code: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d] = code;
  if (a === 0xf3 && b === 0x0f && c === 0x1e && d === 0xfa) return 4; // endbr64
  if (a >= 0x50 && a <= 0x57) return 1; // push r64
  if (a === 0x41 && b >= 0x50 && b <= 0x57) return 2; // push r8 to r15
  if (isRexW(a) && (b === 0x89 || b === 0x8b) && isRegisters(c)) return 3; // mov r64, r64
  if (isRexW(a) && b === 0x83 && (c === 0xec || c === 0xe4)) return 4; // sub rsp or and rsp, imm8
  if (isRexW(a) && b === 0x81 && c === 0xec) return 7; // sub rsp, imm32
  return 0;
}

/** The whole instructions that cover the first `least` bytes, or null when one of them is not known to be movable. */
export function movablePrologue(code: Uint8Array, least: number): Uint8Array | null {
  let length = 0;
  while (length < least) {
    const next = movableLength(code.subarray(length));
    if (next === 0 || length + next > code.length) return null;
    length += next;
  }
  return code.slice(0, length);
}

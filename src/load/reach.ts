/**
 * Keeps a load on this machine's labs: an address of 198.18.0.0/15 belongs to a lab (RFC 2544 reserves the range for
 * benchmarks), and when that lab is down the host would send the packets out by its default route.
 * @module
 */

/** Destination and mask as /proc/net/route has them: hexadecimal, in the machine's byte order (little-endian). */
const littleEndian = (hex: string): number => Buffer.from(hex, "hex").reverse().readUInt32BE(0) >>> 0;

function addressOf(host: string): number | null {
  const octets = host.split(".").map(Number);
  if (octets.length !== 4 || octets.some((octet) => !Number.isInteger(octet) || octet < 0 || octet > 255))
    return null;
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

/**
 * True when `host` is a lab's address that no route but the default one covers.
 * @param routes text of /proc/net/route.
 */
export function isLostLabAddress(host: string, routes: string): boolean {
  const address = addressOf(host);
  // 198.18.0.0/15: the first 15 bits.
  if (address === null || address >>> 17 !== ((198 << 24) | (18 << 16)) >>> 17) return false;
  return !routes
    .split("\n")
    .slice(1)
    .some((line) => {
      const fields = line.split("\t");
      const [destination = "", mask = ""] = [fields[1], fields[7]];
      if (destination.length !== 8 || mask.length !== 8) return false;
      const bits = littleEndian(mask);
      return bits !== 0 && (address & bits) >>> 0 === littleEndian(destination);
    });
}

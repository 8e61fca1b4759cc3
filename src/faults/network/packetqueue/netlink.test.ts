import { describe, expect, test } from "bun:test";
import {
  acceptAs,
  BIND,
  COPY_META,
  COPY_PACKET,
  configMessage,
  FLAGS,
  FLAGS_SEGMENTED,
  maxLength,
  NF_DROP,
  readMessages,
  VERDICT_BYTES,
  writeAccept,
  writeVerdict,
} from "./netlink.ts";

const hex = (bytes: Uint8Array): string => bytes.toHex();
const bytes = (text: string): Uint8Array => Uint8Array.fromHex(text.replace(/\s/g, ""));

describe("messages to the kernel", () => {
  // nlmsghdr: length, type 0x0302 (config), flags request|ack, sequence 7, port 0; nfgenmsg: 0, 0, queue 0x4c00.
  test.each([
    ["bind", [BIND], "1c000000 0203 0500 07000000 00000000 0000 4c00", "0800 0100 01 00 0000"],
    [
      "copy meta",
      [COPY_META],
      "20000000 0203 0500 07000000 00000000 0000 4c00",
      "0900 0200 00000000 01 000000",
    ],
    [
      "flags",
      FLAGS,
      "24000000 0203 0500 07000000 00000000 0000 4c00",
      "0800 0400 00000005 0800 0500 00000005",
    ],
    ["length", [maxLength(200_000)], "1c000000 0203 0500 07000000 00000000 0000 4c00", "0800 0300 00030d40"],
  ])("%s", (_, attributes, header, body) => {
    const expected = `${header} ${body}`;
    expect(hex(configMessage(0x4c00, 7, attributes))).toBe(hex(bytes(expected)));
  });

  test("verdict: accept packet 0x01020304", () => {
    const message = new Uint8Array(VERDICT_BYTES);
    writeAccept(new DataView(message.buffer), 0, 0x4c00, 0x01020304);
    expect(hex(message)).toBe(
      hex(bytes("20000000 0103 0100 00000000 00000000 0000 4c00 0c00 0200 00000001 01020304")),
    );
  });
});

describe("messages from the kernel", () => {
  const read = (text: string) => {
    const packets: number[] = [];
    const acks: [number, number][] = [];
    const data = bytes(text);
    readMessages(new DataView(data.buffer, data.byteOffset, data.byteLength), data.length, {
      onPacket: (id) => packets.push(id),
      onAck: (sequence, errno) => acks.push([sequence, errno]),
    });
    return { packets, acks };
  };
  // An attribute before the packet header (NFQA_IFINDEX_INDEV) and the header: id 0x2a, protocol 0x0800, hook 2.
  const packet =
    "28000000 0003 0000 00000000 00000000 0200 4c00 0800 0500 00000003 0b00 0100 0000002a 0800 02 00";

  test("packets, several in one datagram", () => {
    expect(read(packet + packet)).toEqual({ packets: [42, 42], acks: [] });
  });
  test("an acknowledgement", () => {
    expect(
      read("24000000 0200 0000 07000000 00000000 00000000 1c000000 0203 0500 07000000 00000000").acks,
    ).toEqual([[7, 0]]);
  });
  test("an error: EPERM", () => {
    expect(
      read("24000000 0200 0000 07000000 00000000 ffffffff 1c000000 0203 0500 07000000 00000000").acks,
    ).toEqual([[7, 1]]);
  });
  test.each([
    ["cut off", packet.replaceAll(" ", "").slice(0, 60)],
    ["shorter than its header", "04000000 0003 0000 00000000 00000000"],
    ["unknown", "14000000 0909 0000 00000000 00000000 00000000"],
    ["attribute of length zero", "18000000 0003 0000 00000000 00000000 0200 4c00 0000 0100"],
  ])("%s: skipped", (_, text) => {
    expect(read(text)).toEqual({ packets: [], acks: [] });
  });
});

describe("packets with content", () => {
  // The header as above, then NFQA_CAP_LEN and NFQA_PAYLOAD with 6 bytes, padded to 8.
  const packet =
    "34000000 0003 0000 00000000 00000000 0200 4c00 0b00 0100 0000002a 0800 02 00 0800 0d00 00000006 0a00 0a00 450000060102 0000";

  test("the content is found where it is, to the byte", () => {
    const data = bytes(packet);
    const found: [number, string][] = [];
    readMessages(new DataView(data.buffer), data.length, {
      onPacket: (id, at, length) => found.push([id, hex(data.subarray(at, at + length))]),
    });
    expect(found).toEqual([[42, "450000060102"]]);
  });

  test("verdicts: drop, and accept another packet instead, padded to 4 bytes", () => {
    const message = new Uint8Array(VERDICT_BYTES);
    writeVerdict(new DataView(message.buffer), 0, 0x4c00, 7, NF_DROP);
    expect(hex(message)).toBe(
      hex(bytes("20000000 0103 0100 00000000 00000000 0000 4c00 0c00 0200 00000000 00000007")),
    );
    expect(hex(acceptAs(0x4c00, 7, bytes("450000060102")))).toBe(
      hex(
        bytes(
          "2c000000 0103 0100 00000000 00000000 0000 4c00 0c00 0200 00000001 00000007 0a00 0a00 450000060102 0000",
        ),
      ),
    );
  });

  test.each([
    ["copy packet", [COPY_PACKET], "0900 0200 0000ffff 02 000000"],
    ["segments", FLAGS_SEGMENTED, "0800 0400 00000005 0800 0500 00000001"],
  ])("%s", (_, attributes, body) => {
    expect(hex(configMessage(0x4c00, 7, attributes)).slice(40)).toBe(hex(bytes(body)));
  });
});

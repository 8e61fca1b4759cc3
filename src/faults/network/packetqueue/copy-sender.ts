/**
 * Sends copies of packets on behalf of whoever sent the original.
 * @module
 */
import { ChaoslabError } from "../../../cli/errors.ts";
import * as c from "./libc.ts";

const IPV4_HEADER = 20;

/**
 * A raw IPv4 socket that takes packets with their header (raw(7): IPPROTO_RAW implies IP_HDRINCL) and routes them by
 * their destination. What it sends starts at the OUTPUT hook: FORWARD, where the queue's rule is, does not see it, so no
 * copy is ever copied.
 */
export class CopySender {
  readonly #fd: number;
  /** struct sockaddr_in: family, port, address, padding. */
  readonly #to = new Uint8Array(16);

  constructor() {
    this.#fd = c.libc.socket(c.AF_INET, c.SOCK_RAW_CLOEXEC, c.IPPROTO_RAW);
    if (this.#fd < 0) throw new ChaoslabError("permission", "no raw socket: no CAP_NET_RAW here");
    this.#to[0] = c.AF_INET;
  }

  /** False when the kernel did not take the packet, or when it is none. */
  send(packet: Uint8Array): boolean {
    if (packet.length < IPV4_HEADER) return false;
    this.#to.set(packet.subarray(16, 20), 4);
    const sent = c.libc.sendto(this.#fd, packet, packet.length, c.MSG_DONTWAIT, this.#to, this.#to.length);
    return Number(sent) === packet.length;
  }
}

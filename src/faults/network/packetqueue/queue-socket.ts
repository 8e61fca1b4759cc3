/**
 * A netlink socket that is the listener of one NFQUEUE queue of the namespace that this process runs in.
 * @module
 */
import { ChaoslabError } from "../../../cli/errors.ts";
import { errno } from "../../../lab/libc.ts";
import * as c from "./libc.ts";
import {
  type Attribute,
  acceptAs,
  BIND,
  COPY_META,
  COPY_PACKET,
  configMessage,
  FLAGS,
  FLAGS_SEGMENTED,
  maxLength,
  NF_ACCEPT,
  NF_DROP,
  readMessages,
  VERDICT_BYTES,
  writeVerdict,
} from "./netlink.ts";

/** Packets held at most: at 1 s of delay, 200 000 packets/s. */
const MAX_HELD = 200_000;
/** Socket buffer in bytes. The kernel charges about 1 KiB for each packet that has not been read yet. */
const RECEIVE_BUFFER = 64 * 1024 * 1024;
const VERDICTS_PER_SEND = 64;
const ACK_TIMEOUT_MS = 2_000;
/** Room for a netlink message with the largest IP packet in it. */
const INBOX_BYTES = 128 * 1024;

/** How packets come out of the queue. */
export interface QueueMode {
  /** One by one as on a wire; else a GSO packet, which stands for up to 64 KiB of segments, counts as one. */
  segmented: boolean;
  /** With their content, which costs a copy. */
  payload: boolean;
}

const NO_CONTENT = new Uint8Array(0);

/** Another process listens on this queue. */
export class QueueBusyError extends Error {}

export class QueueSocket {
  readonly fd: number;
  readonly #queue: number;
  readonly #inbox = new Uint8Array(INBOX_BYTES);
  readonly #inboxView = new DataView(this.#inbox.buffer);
  readonly #outbox = new Uint8Array(VERDICTS_PER_SEND * VERDICT_BYTES);
  readonly #outboxView = new DataView(this.#outbox.buffer);
  #pending = 0;
  #sequence = 0;
  /** Times that the socket buffer was full, so that packets passed without us. */
  overflows = 0;

  /** @throws {QueueBusyError}, or {ChaoslabError} naming the kernel feature that is missing. */
  constructor(queue: number, { segmented, payload }: QueueMode) {
    this.#queue = queue;
    this.fd = c.libc.socket(c.AF_NETLINK, c.SOCK_RAW_CLOEXEC, c.NETLINK_NETFILTER);
    if (this.fd < 0)
      throw new ChaoslabError("prerequisite", "the kernel has no netfilter netlink (nfnetlink)");
    this.#enlargeBuffer();
    // struct sockaddr_nl: family, padding, port id (0: the kernel picks one), multicast groups.
    const address = new Uint8Array(12);
    address[0] = c.AF_NETLINK;
    if (c.libc.bind(this.fd, address, address.length) < 0) {
      throw new ChaoslabError("permission", "nfnetlink refuses the socket: no CAP_NET_ADMIN here");
    }
    this.#configure([BIND], "nfnetlink_queue (CONFIG_NETFILTER_NETLINK_QUEUE)");
    this.#configure([payload ? COPY_PACKET : COPY_META], "nfnetlink_queue's copy mode");
    const flags = segmented ? FLAGS_SEGMENTED : FLAGS;
    this.#configure(flags, "nfnetlink_queue's fail-open and GSO flags (Linux 3.10)");
    this.#configure([maxLength(MAX_HELD)], "nfnetlink_queue's queue length");
  }

  #enlargeBuffer(): void {
    const size = new Int32Array([RECEIVE_BUFFER]);
    // FORCE goes beyond net.core.rmem_max and needs CAP_NET_ADMIN; without it, as much as is allowed.
    if (c.libc.setsockopt(this.fd, c.SOL_SOCKET, c.SO_RCVBUFFORCE, size, 4) < 0) {
      c.libc.setsockopt(this.fd, c.SOL_SOCKET, c.SO_RCVBUF, size, 4);
    }
  }

  /** Sends a configuration and waits for its acknowledgement. Only used while no packets flow. */
  #configure(attributes: readonly Attribute[], feature: string): void {
    const sequence = ++this.#sequence;
    this.#write(configMessage(this.#queue, sequence, attributes));
    let result: number | null = null;
    const deadline = performance.now() + ACK_TIMEOUT_MS;
    while (result === null && performance.now() < deadline) {
      const length = Number(c.libc.recv(this.fd, this.#inbox, this.#inbox.length, c.MSG_DONTWAIT));
      if (length <= 0) continue;
      readMessages(this.#inboxView, length, {
        onPacket() {},
        onAck: (of, code) => {
          if (of === sequence) result = code;
        },
      });
    }
    if (result === 0) return;
    // EPERM is also the answer for a queue that another socket listens on (nfqnl_recv_config).
    if (result === c.EBUSY || result === c.EPERM) throw new QueueBusyError(`queue ${this.#queue} is taken`);
    throw new ChaoslabError("prerequisite", `the kernel has no ${feature} (errno ${result ?? "none"})`);
  }

  /**
   * Hands over up to `most` packets that the kernel has queued, without waiting. True when there may be more. A packet's
   * content is only there until the next one.
   */
  receive(most: number, onPacket: (packetId: number, packet: Uint8Array) => void): boolean {
    const handlers = {
      onPacket: (id: number, at: number, length: number): void =>
        onPacket(id, length === 0 ? NO_CONTENT : this.#inbox.subarray(at, at + length)),
    };
    for (let i = 0; i < most; i++) {
      const length = Number(c.libc.recv(this.fd, this.#inbox, this.#inbox.length, c.MSG_DONTWAIT));
      if (length > 0) readMessages(this.#inboxView, length, handlers);
      else if (length < 0 && errno() === c.ENOBUFS) this.overflows++;
      else return false;
    }
    return true;
  }

  /** Lets a packet go with the next {@link flush}. */
  accept(packetId: number): void {
    this.#decide(packetId, NF_ACCEPT);
  }

  /** Drops a packet with the next {@link flush}. */
  drop(packetId: number): void {
    this.#decide(packetId, NF_DROP);
  }

  /** Lets another packet go in this one's place, after all that were let go before. */
  acceptAs(packetId: number, packet: Uint8Array): void {
    this.flush();
    this.#write(acceptAs(this.#queue, packetId, packet));
  }

  #decide(packetId: number, verdict: number): void {
    writeVerdict(this.#outboxView, this.#pending * VERDICT_BYTES, this.#queue, packetId, verdict);
    if (++this.#pending === VERDICTS_PER_SEND) this.flush();
  }

  flush(): void {
    if (this.#pending === 0) return;
    this.#write(this.#outbox.subarray(0, this.#pending * VERDICT_BYTES));
    this.#pending = 0;
  }

  /** From now on the kernel passes new packets by itself: a full queue that fails open. */
  refuseMore(): void {
    this.#write(configMessage(this.#queue, ++this.#sequence, [maxLength(0)]));
  }

  #write(bytes: Uint8Array): void {
    // The kernel works a request off inside send(2); only a signal can get in between.
    while (c.libc.send(this.fd, bytes, bytes.length, 0) < 0) {
      const code = errno();
      if (code !== c.EINTR) throw new Error(`netlink send failed: errno ${code}`);
    }
  }
}

/**
 * Plain TCP sockets on an epoll of their own, through the C library.
 *
 * One answer over a socket of Bun's costs a buffer, a turn of its event loop and a callback from native code: some
 * 4 us more than here. And this epoll can be waited on to the microsecond, for whichever comes first, an answer or
 * the instant of the next request, where a timer knows milliseconds only.
 *
 * Whoever sends a load drives it: calls `poll` again and again. Otherwise it looks by itself, every millisecond.
 * @module
 */
import { FFIType, ptr } from "bun:ffi";
import { isIP } from "node:net";
import { errno, openLibc } from "../lab/libc.ts";
import type { Outcome } from "../model/load.ts";
import type { Wire, WireUser } from "./wire.ts";

const { i32, u32, u64, ptr: pointer } = FFIType;

/** `recv` and `send` take fewer bytes than 2^31 at a time, so that their answer is a plain number. */
const load = () =>
  openLibc({
    socket: { args: [i32, i32, i32], returns: i32 },
    connect: { args: [i32, pointer, u32], returns: i32 },
    close: { args: [i32], returns: i32 },
    recv: { args: [i32, pointer, i32, i32], returns: i32 },
    send: { args: [i32, pointer, i32, i32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
    getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
    epoll_create1: { args: [i32], returns: i32 },
    epoll_ctl: { args: [i32, i32, i32, pointer], returns: i32 },
    epoll_wait: { args: [i32, pointer, i32, i32], returns: i32 },
    ppoll: { args: [pointer, u64, pointer, pointer], returns: i32 },
  });

/** Constants of Linux on x86-64 and arm64. */
const AF_INET = 2;
const AF_INET6 = 10;
const STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_LINGER = 13;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 16;
const EINTR = 4;
const EAGAIN = 11;
const ECONNRESET = 104;
const ECONNREFUSED = 111;
const EINPROGRESS = 115;

/** struct epoll_event in words of 32 bits: packed on x86-64 alone. */
const [EVENT_WORDS, ID_WORD] = process.arch === "x64" ? [3, 1] : [4, 2];
const MAX_EVENTS = 256;
const CHUNK_BYTES = 64 * 1_024;

/** Where nobody drives. */
const LOOK_MS = 1;

/** Memory that stays where it is: the engine may move what a small typed array of its own making holds. */
function fixed(bytes: number): { bytes: Buffer; words: Uint32Array; at: ReturnType<typeof ptr> } {
  const memory = new ArrayBuffer(bytes);
  const words = new Uint32Array(memory);
  return { bytes: Buffer.from(memory), words, at: ptr(words) };
}

/** struct sockaddr_in or sockaddr_in6. */
function socketAddress(
  host: string,
  port: number,
): { family: number; memory: ReturnType<typeof fixed>; size: number } {
  const six = isIP(host) === 6;
  const size = six ? 28 : 16;
  const memory = fixed(size);
  memory.bytes.writeUInt16LE(six ? AF_INET6 : AF_INET, 0);
  memory.bytes.writeUInt16BE(port, 2);
  if (six) memory.bytes.set(bytesOfSix(host), 8);
  else memory.bytes.set(host.split(".").map(Number), 4);
  return { family: six ? AF_INET6 : AF_INET, memory, size };
}

/** The 16 bytes of an IPv6 address without a zone. */
function bytesOfSix(host: string): number[] {
  // The parser of URLs writes every form, IPv4 at the end included, as groups of hexadecimal digits.
  const [head = "", tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return all.flatMap((group) => [group >> 8, group & 255]);
}

/** The outcome of an attempt that ended with this errno. */
function failureOf(code: number): Outcome {
  if (code === ECONNREFUSED) return "refused";
  return code === ECONNRESET ? "reset" : "connect";
}

/** One connection. */
export class PlainSocket implements Wire {
  open = false;
  /** Whether it is told of room in the kernel's send buffer. */
  wantsRoom = true;

  constructor(
    readonly sockets: Sockets,
    readonly id: number,
    readonly fd: number,
    /** Whoever began the attempt may hand the open socket on. */
    public user: WireUser,
  ) {}

  write(payload: string | Uint8Array): number {
    return this.sockets.write(this, payload);
  }

  terminate(): void {
    this.sockets.terminate(this);
  }
}

export class Sockets {
  readonly #libc = load();
  readonly #epoll = this.#libc.epoll_create1(EPOLL_CLOEXEC);
  /** By an id that is never used again, unlike a file descriptor: an event may be older than what has its number now. */
  readonly #open = new Map<number, PlainSocket>();
  #lastId = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #drivers = 0;
  readonly #event = fixed(EVENT_WORDS * 4);
  readonly #events = fixed(EVENT_WORDS * 4 * MAX_EVENTS);
  readonly #incoming = fixed(CHUNK_BYTES);
  readonly #outgoing = fixed(CHUNK_BYTES);
  readonly #pollfd = fixed(8);
  readonly #timespec = fixed(16);
  readonly #option = fixed(8);
  readonly #optionSize = fixed(4);

  constructor() {
    if (this.#epoll < 0) throw new Error(`epoll_create1 failed: errno ${errno()}`);
    this.#pollfd.words.set([this.#epoll, EPOLLIN]);
  }

  /** Whoever calls this calls `poll` at least every millisecond or so, until it calls what this returns. */
  drive(): () => void {
    this.#drivers++;
    return () => {
      this.#drivers--;
      this.#lookLater();
    };
  }

  /** Begins to connect to an address; the user hears of it through `onOpen` or `onFailed`, after this has returned. */
  connect(host: string, port: number, user: WireUser): PlainSocket {
    const { family, memory, size } = socketAddress(host, port);
    const fd = this.#libc.socket(family, STREAM_NONBLOCK_CLOEXEC, 0);
    const code = fd < 0 || this.#libc.connect(fd, memory.at, size) < 0 ? errno() : 0;
    const socket = new PlainSocket(this, ++this.#lastId, fd, user);
    this.#open.set(socket.id, socket);
    if (code === 0 || code === EINPROGRESS || code === EINTR) this.#watch(socket, EPOLL_CTL_ADD, EPOLLOUT);
    else this.#failLater(socket, code);
    this.#lookLater();
    return socket;
  }

  /**
   * Waits for something to happen on any socket, `ms` milliseconds at most, and tells their users of it. Nothing else
   * of this thread runs meanwhile.
   */
  poll(ms: number): void {
    const { words, at } = this.#events;
    if (ms > 0) {
      // Seconds and nanoseconds, each of 64 bits.
      this.#timespec.words[0] = Math.floor(ms / 1_000);
      this.#timespec.words[2] = Math.floor((ms % 1_000) * 1_000_000);
      this.#libc.ppoll(this.#pollfd.at, 1, this.#timespec.at, null);
    }
    const count = this.#libc.epoll_wait(this.#epoll, at, MAX_EVENTS, 0);
    for (let i = 0; i < count; i++) {
      const socket = this.#open.get(words[i * EVENT_WORDS + ID_WORD] ?? 0);
      if (socket === undefined) continue;
      try {
        this.#happened(socket, words[i * EVENT_WORDS] ?? 0);
      } catch (error) {
        socket.user.onDefect(error);
      }
    }
  }

  write(socket: PlainSocket, payload: string | Uint8Array): number {
    if (!this.#open.has(socket.id)) return -1;
    const { bytes, at } = this.#outgoing;
    const size = Math.min(payload.length, CHUNK_BYTES);
    if (typeof payload === "string") bytes.write(payload, 0, size, "latin1");
    else bytes.set(payload.length > size ? payload.subarray(0, size) : payload);
    let written = this.#libc.send(socket.fd, at, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written < 0) {
      const code = errno();
      if (code !== EAGAIN && code !== EINTR) return -1;
      written = 0;
    }
    if (written < payload.length !== socket.wantsRoom) {
      socket.wantsRoom = written < payload.length;
      this.#watch(socket, EPOLL_CTL_MOD, EPOLLIN | (socket.wantsRoom ? EPOLLOUT : 0));
    }
    return written;
  }

  terminate(socket: PlainSocket): void {
    if (!this.#open.delete(socket.id) || socket.fd < 0) return;
    // struct linger: on, for 0 seconds.
    this.#option.words.set([1, 0]);
    this.#libc.setsockopt(socket.fd, SOL_SOCKET, SO_LINGER, this.#option.at, 8);
    this.#libc.close(socket.fd);
  }

  #happened(socket: PlainSocket, what: number): void {
    if (!socket.open) {
      this.#connected(socket);
      return;
    }
    if ((what & (EPOLLIN | EPOLLERR | EPOLLHUP)) !== 0) this.#receive(socket);
    if ((what & EPOLLOUT) !== 0 && this.#open.has(socket.id)) socket.user.onDrain();
  }

  #receive(socket: PlainSocket): void {
    const { bytes, at } = this.#incoming;
    const received = this.#libc.recv(socket.fd, at, CHUNK_BYTES, MSG_DONTWAIT);
    if (received > 0) {
      socket.user.onData(bytes, received);
      return;
    }
    const code = received < 0 ? errno() : 0;
    if (code === EAGAIN || code === EINTR) return;
    this.terminate(socket);
    socket.user.onClose(code !== 0);
  }

  /** The attempt to connect has come to its end. */
  #connected(socket: PlainSocket): void {
    this.#optionSize.words[0] = 4;
    this.#libc.getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, this.#option.at, this.#optionSize.at);
    const code = this.#option.words[0] ?? 0;
    if (code !== 0) {
      this.terminate(socket);
      socket.user.onFailed(failureOf(code));
      return;
    }
    this.#option.words[0] = 1;
    this.#libc.setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, this.#option.at, 4);
    socket.open = true;
    socket.wantsRoom = false;
    this.#watch(socket, EPOLL_CTL_MOD, EPOLLIN);
    socket.user.onOpen(socket);
  }

  #failLater(socket: PlainSocket, code: number): void {
    setImmediate(() => {
      if (!this.#open.has(socket.id)) return;
      this.terminate(socket);
      try {
        socket.user.onFailed(failureOf(code));
      } catch (error) {
        socket.user.onDefect(error);
      }
    });
  }

  #watch(socket: PlainSocket, operation: number, what: number): void {
    this.#event.words[0] = what;
    this.#event.words[ID_WORD] = socket.id;
    this.#libc.epoll_ctl(this.#epoll, operation, socket.fd, this.#event.at);
  }

  #lookLater(): void {
    if (this.#timer !== null || this.#drivers > 0 || this.#open.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#drivers > 0) return;
      this.poll(0);
      this.#lookLater();
    }, LOOK_MS);
  }
}

let shared: Sockets | null = null;

/** This thread's sockets. */
export function sockets(): Sockets {
  shared ??= new Sockets();
  return shared;
}

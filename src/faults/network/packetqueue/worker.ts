/**
 * The process that decides over packets. It listens on one queue and drops each packet, keeps it for its delay, or lets
 * it go: as it is, twice or with a bit flipped.
 *
 * It fails open: when its stdin ends (its owner died), on SIGTERM, when its lifetime is over and on any error,
 * it lets everything go at once. Only SIGKILL loses what it holds, which the kernel then drops. Lines on stdin ask
 * for {@link WorkerStats}, one line on stdout each.
 * @module
 */
import { readFileSync, writeSync } from "node:fs";
import { errno } from "../../../lab/libc.ts";
import { CopySender } from "./copy-sender.ts";
import { DueHeap } from "./due-heap.ts";
import { type Fate, fates, flipBit, isDestination } from "./fates.ts";
import { EINTR, libc, POLLIN, runPromptly } from "./libc.ts";
import { QueueSocket } from "./queue-socket.ts";
import { parseQueueTable, QUEUE_TABLE } from "./queue-table.ts";
import type { WorkerOptions } from "./worker-options.ts";
import type { WorkerStats } from "./worker-stats.ts";

/** Longest the loop sleeps, and longest that a signal waits for its JavaScript handler, in milliseconds. */
const TICK_MS = 200;
/** Packets read before due ones get their turn. */
const READ_BATCH = 128;

export class Worker {
  readonly #socket: QueueSocket;
  readonly #heap = new DueHeap();
  readonly #nextFate: () => Fate;
  readonly #copies: CopySender | null;
  readonly #pollfds = new Int32Array(4);
  readonly #timeout = new Int32Array(4);
  readonly #request = new Uint8Array(256);
  #stopping = false;
  #seen = 0;
  #lost = 0;
  #duplicated = 0;
  #corrupted = 0;
  #reordered = 0;
  #released = 0;
  #heldSum = 0;
  #heldMax = 0;
  #lastId = 0;
  #skipped = 0;

  constructor(readonly options: WorkerOptions) {
    const { lossPercent, duplicatePercent, corruptPercent, reorderPercent } = options;
    const payload = duplicatePercent + corruptPercent > 0;
    // A delay is the same for a packet and its segments; a share of packets is one of those on the wire.
    const segmented = payload || lossPercent + reorderPercent > 0;
    this.#socket = new QueueSocket(options.queue, { segmented, payload });
    this.#copies = duplicatePercent > 0 ? new CopySender() : null;
    this.#nextFate = fates(options, options.seed);
  }

  /** Holds packets until told to stop; then none is held any more. */
  async run(): Promise<void> {
    process.on("SIGTERM", () => {
      this.#stopping = true;
    });
    // Ctrl-C goes to the owner too, who decides, takes the rule away and then ends us.
    for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
    runPromptly();
    const end = performance.now() + this.options.maxLifetimeMs;
    let lastTurn = performance.now();
    say({ ready: this.options.queue });
    try {
      while (!this.#stopping) {
        const interrupted = this.#wait();
        this.#socket.receive(READ_BATCH, this.#decide);
        const now = this.#release();
        if (interrupted || now - lastTurn >= TICK_MS) {
          await nextTurn();
          lastTurn = now;
          if (now >= end) break;
        }
      }
    } finally {
      this.#letAllGo();
    }
  }

  /** Sleeps until a packet arrives, one is due, stdin says something or a tick has passed. True when interrupted. */
  #wait(): boolean {
    const wait = Math.min(Math.max(this.#heap.nextDue - performance.now(), 0), TICK_MS);
    // struct pollfd { int fd; short events; short revents; }, twice; struct timespec { long s; long ns; }.
    this.#pollfds.set([this.#socket.fd, POLLIN, 0, POLLIN]);
    this.#timeout[2] = Math.ceil(wait * 1e6);
    if (libc.ppoll(this.#pollfds, 2, this.#timeout, null) < 0) return errno() === EINTR;
    if ((this.#pollfds[3] ?? 0) >>> 16 !== 0) this.#answer();
    return false;
  }

  #decide = (id: number, packet: Uint8Array): void => {
    // Ids count up by one; a gap is a packet that found the socket full and passed untouched.
    this.#skipped += (id - this.#lastId - 1) >>> 0;
    this.#lastId = id;
    this.#seen++;
    const fate = this.#nextFate();
    if (fate.lost) {
      this.#lost++;
      this.#socket.drop(id);
    } else if (fate.corruptedAt !== null && packet.length > 0) {
      this.#corrupted++;
      const byte = flipBit(packet, fate.corruptedAt);
      if (isDestination(packet, byte)) this.#socket.drop(id);
      else this.#socket.acceptAs(id, packet);
    } else if (fate.delayMs > 0) {
      const now = performance.now();
      this.#heap.push(now + fate.delayMs, id, now);
    } else {
      if (fate.reordered) this.#reordered++;
      this.#socket.accept(id);
      if (fate.duplicated) this.#duplicate(packet);
    }
  };

  #duplicate(packet: Uint8Array): void {
    // First the original and all before it, so that copies do not overtake.
    this.#socket.flush();
    if (this.#copies?.send(packet)) this.#duplicated++;
  }

  /** Lets go what is due and returns the time. */
  #release(): number {
    const now = performance.now();
    while (this.#heap.nextDue <= now) {
      const held = now - this.#heap.nextArrived;
      this.#heldSum += held;
      this.#heldMax = Math.max(this.#heldMax, held);
      this.#released++;
      this.#socket.accept(this.#heap.nextId);
      this.#heap.pop();
    }
    this.#socket.flush();
    return now;
  }

  #letAllGo(): void {
    this.#socket.refuseMore();
    const accept = (id: number): void => this.#socket.accept(id);
    for (; this.#heap.size > 0; this.#heap.pop()) accept(this.#heap.nextId);
    while (this.#socket.receive(READ_BATCH, accept)) this.#socket.flush();
    this.#socket.flush();
  }

  #answer(): void {
    const length = Number(libc.read(0, this.#request, this.#request.length));
    if (length <= 0) this.#stopping = true;
    else say(this.#stats());
  }

  #stats(): WorkerStats {
    const row = parseQueueTable(readFileSync(QUEUE_TABLE, "utf8")).find(
      (each) => each.queue === this.options.queue,
    );
    return {
      seen: this.#seen,
      lost: this.#lost,
      duplicated: this.#duplicated,
      corrupted: this.#corrupted,
      reordered: this.#reordered,
      packets: this.#released,
      held: this.#heap.size,
      undelayed: this.#skipped,
      dropped: row?.dropped ?? 0,
      mean_hold_ms: this.#released === 0 ? null : this.#heldSum / this.#released,
      max_hold_ms: this.#heldMax,
    };
  }
}

/** One line on stdout. The owner may have gone: then nobody minds. */
export function say(message: object): void {
  try {
    writeSync(1, `${JSON.stringify(message)}\n`);
  } catch {
    // EPIPE: stdin will end too, and end us.
  }
}

/** Lets Bun run what waits for the event loop: signal handlers. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

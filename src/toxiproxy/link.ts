/**
 * One direction of a connection: the chain of toxics between the socket that is read and the one that is written.
 *
 * What the chain and the sink hold is counted; above a bound the source is not read, so that TCP slows its
 * sender down and memory stays bounded.
 * @module
 */
import { randomUint32, randomUnit } from "../load/random.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Direction, Output, Stage, StageContext, Toxic } from "./toxic.ts";

/** Bytes of memory one direction may hold beyond what its toxics are entitled to. */
const BASE_CAPACITY = 256 * 1024;

/** Sets the random numbers a toxic draws apart from the one that decides whether it acts. */
const DRAWS = 0x9e3779b9;

export interface LinkOwner {
  readonly proxyName: string;
  readonly seed: number;
  /** Counted from 0 in the order in which the proxy accepted. */
  readonly connection: number;
  passed(direction: Direction, bytes: number): void;
  /** A toxic closes the connection through this link. */
  cut(link: Link): void;
  reset(): void;
}

/**
 * Whether a toxic acts on a connection. A pure function: the same seed gives the same sequence of decisions,
 * and a higher toxicity only adds connections.
 */
export function acts(
  seed: number,
  proxy: string,
  toxic: string,
  connection: number,
  toxicity: number,
): boolean {
  return randomUnit(seed, connection, streamOf(proxy, toxic)) < toxicity;
}

function streamOf(proxy: string, toxic: string): number {
  return Bun.hash.xxHash32(`${proxy}\0${toxic}`);
}

/** A toxic's place in the chain. Without a stage, because of its toxicity, everything passes. */
class Slot implements Output {
  stage: Stage | null = null;
  ended = false;

  constructor(
    readonly toxic: Toxic,
    public next: Output,
  ) {}

  write(bytes: Uint8Array): void {
    if (this.stage) this.toxic.met.bytes += bytes.length;
    (this.stage ?? this.next).write(bytes);
  }

  end(): void {
    this.ended = true;
    if (this.stage) this.toxic.met.ends++;
    (this.stage ?? this.next).end();
  }
}

const DISCARD: Output = { write: () => {}, end: () => {} };

export class Link {
  /** Nothing of the source comes through any more. */
  closed = false;
  #sourceEnded = false;
  #slots: Slot[] = [];
  #head: Output;
  readonly #tail: Output;
  #draws = 0;

  constructor(
    readonly direction: Direction,
    readonly source: Endpoint,
    readonly sink: Endpoint,
    readonly owner: LinkOwner,
    toxics: readonly Toxic[],
  ) {
    this.#tail = {
      write: (bytes) => {
        owner.passed(direction, bytes.length);
        sink.write(bytes);
        this.balance();
      },
      end: () => sink.end(),
    };
    this.#head = this.#tail;
    for (const toxic of toxics) this.add(toxic);
  }

  received(bytes: Uint8Array): void {
    if (this.#sourceEnded) return;
    this.#head.write(bytes);
    this.balance();
  }

  sourceEnded(): void {
    if (this.#sourceEnded) return;
    this.#sourceEnded = true;
    this.#head.end();
    this.balance();
  }

  /** Reads the source, or lets it wait, by what is held. */
  balance(): void {
    // What is discarded costs nothing, and the source's own FIN must be seen.
    if (this.closed || this.#sourceEnded) {
      this.source.resume();
      return;
    }
    let held = this.sink.held;
    let capacity = BASE_CAPACITY;
    for (const { stage, toxic } of this.#slots) {
      held += stage?.held ?? 0;
      capacity += stage ? (toxic.type.capacity ?? 0) : 0;
    }
    if (held > capacity) this.source.pause();
    else if (held <= capacity / 2) this.source.resume();
  }

  add(toxic: Toxic): void {
    if (this.closed) return;
    const slot = new Slot(toxic, this.#tail);
    const last = this.#slots.at(-1);
    if (last) last.next = slot;
    else this.#head = slot;
    this.#slots.push(slot);
    if (this.#acts(toxic)) slot.stage = this.#stage(slot);
  }

  update(toxic: Toxic): void {
    const slot = this.#slots.find((each) => each.toxic === toxic);
    if (!slot) return;
    const acting = this.#acts(toxic);
    if (slot.stage && acting) slot.stage.update(toxic.attributes);
    else if (slot.stage) this.#release(slot);
    else if (acting && !slot.ended) slot.stage = this.#stage(slot);
    this.balance();
  }

  remove(toxic: Toxic): void {
    const slot = this.#slots.find((each) => each.toxic === toxic);
    if (!slot) return;
    this.#release(slot);
    // Letting go may have closed the connection, and with it the chain.
    const index = this.#slots.indexOf(slot);
    if (index < 0) return;
    const before = this.#slots[index - 1];
    if (before) before.next = slot.next;
    else this.#head = slot.next;
    this.#slots.splice(index, 1);
    this.balance();
  }

  /** Forgets what the chain holds; the sink keeps what it has got. */
  discard(): void {
    if (this.closed) return;
    this.closed = true;
    this.#sourceEnded = true;
    this.#head = DISCARD;
    const slots = this.#slots;
    this.#slots = [];
    for (const slot of slots) {
      slot.next = DISCARD;
      slot.stage?.dispose();
      slot.stage = null;
    }
    this.source.resume();
  }

  #release(slot: Slot): void {
    const stage = slot.stage;
    if (!stage) return;
    stage.remove();
    stage.dispose();
    slot.stage = null;
  }

  #acts(toxic: Toxic): boolean {
    const { proxyName, connection } = this.owner;
    const { seed, key } = this.#chanceOf(toxic);
    return acts(seed, proxyName, key, connection, toxic.toxicity);
  }

  /** A toxic with a seed of its own may have another name each time, and is to act alike all the same. */
  #chanceOf({ seed, name, type, stream }: Toxic): { seed: number; key: string } {
    if (seed === undefined) return { seed: this.owner.seed, key: name };
    return { seed, key: `${type.type}_${stream}` };
  }

  #stage(slot: Slot): Stage {
    slot.toxic.met.connections++;
    const { proxyName, connection } = this.owner;
    const { seed, key } = this.#chanceOf(slot.toxic);
    const stream = streamOf(proxyName, key);
    const own = randomUint32(seed, connection, stream ^ DRAWS);
    const context: StageContext = {
      next: { write: (bytes) => slot.next.write(bytes), end: () => slot.next.end() },
      close: () => this.owner.cut(this),
      reset: () => this.owner.reset(),
      random: () => randomUnit(own, this.#draws++, stream),
    };
    return slot.toxic.type.create(slot.toxic.attributes, context);
  }
}

/**
 * What a toxic is. A new one is a file in `toxics/` that exports a ToxicType, and a line in `toxics/registry.ts`.
 * @module
 */

/** `upstream`: from client to server. `downstream`: from server to client. */
export const DIRECTIONS = ["upstream", "downstream"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** Memory that a piece waiting costs beside its bytes, roughly: many small pieces must be bounded too. */
export const PIECE_COST = 256;

/** Where bytes of one direction go next: a toxic, or the socket at the end. */
export interface Output {
  /** The bytes are the receiver's: the caller does not change them afterwards. */
  write(bytes: Uint8Array): void;
  /** The sender sends no more (FIN). Nothing follows. */
  end(): void;
}

/** What a stage may touch of the connection it works on. */
export interface StageContext {
  readonly next: Output;
  /** Closes the connection: what has been passed on still arrives, then a FIN. */
  close(): void;
  /** Resets the connection: both peers get an RST. */
  reset(): void;
  /** Uniform in [0, 1); the same sequence for the same seed, proxy, toxic and connection. */
  random(): number;
}

export type Attributes<K extends string = string> = Readonly<Record<K, number>>;

/** One toxic at work on one direction of one connection. Gets nothing more after `remove` or `dispose`. */
export interface Stage<K extends string = string> extends Output {
  /** Bytes of memory held: taken in, neither passed on nor dropped. Counted down before passing on. */
  readonly held: number;
  /** New attributes, valid for what is held too. */
  update(attributes: Attributes<K>): void;
  /** The toxic was removed: lets go of everything held, in order, the FIN included. */
  remove(): void;
  /** The connection is gone: stops timers and forgets. */
  dispose(): void;
}

export interface ToxicType<K extends string = string> {
  readonly type: string;
  /** Names of its attributes: whole numbers of at least 0, each 0 unless given. */
  readonly attributes: readonly K[];
  /** Bytes of memory a connection may hold for this toxic before its sender is slowed down. */
  readonly capacity?: number;
  create(attributes: Attributes<K>, context: StageContext): Stage<K>;
}

/** What a toxic has met so far, where its toxicity let it act. */
export interface Met {
  connections: number;
  /** Bytes that it was given. */
  bytes: number;
  /** Ends of streams (FIN) that it was given. */
  ends: number;
}

/** A toxic on a proxy. */
export interface Toxic {
  readonly met: Met;
  readonly name: string;
  readonly type: ToxicType;
  readonly stream: Direction;
  /** Share of connections it acts on, 0 to 1. */
  toxicity: number;
  attributes: Attributes;
  /**
   * Ours, not Toxiproxy's: chance by this seed, and by the toxic's kind instead of its name. Not given: by the server's
   * seed and the name.
   */
  readonly seed?: number;
}

/** What a packet worker and its owner say to each other. @module */
import { type Static, Type } from "@sinclair/typebox";

export const WorkerStats = Type.Object({
  /** Packets that a fate was decided for. */
  seen: Type.Number(),
  /** Of these: dropped on purpose, sent twice, sent with a bit flipped, sent at once while others were delayed. */
  lost: Type.Number(),
  duplicated: Type.Number(),
  corrupted: Type.Number(),
  reordered: Type.Number(),
  /** Packets held and let go when due. */
  packets: Type.Number(),
  /** Packets held now. */
  held: Type.Number(),
  /** Packets that passed without being held, because the worker could not keep up. */
  undelayed: Type.Number(),
  /** Packets that the kernel dropped at the queue. */
  dropped: Type.Number(),
  /** From being read by the worker to being let go, in milliseconds; null before the first packet. */
  mean_hold_ms: Type.Union([Type.Number(), Type.Null()]),
  max_hold_ms: Type.Number(),
});
export type WorkerStats = Static<typeof WorkerStats>;

/** First line of a worker: it listens, or why it cannot. `busy`: another process has the queue. */
export const WorkerGreeting = Type.Union([
  Type.Object({ ready: Type.Number() }),
  Type.Object({ busy: Type.Number() }),
  Type.Object({ error: Type.String() }),
]);
export type WorkerGreeting = Static<typeof WorkerGreeting>;

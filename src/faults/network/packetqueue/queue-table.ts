/**
 * /proc/net/netfilter/nfnetlink_queue: the queues that have a listener in this network namespace.
 * @module
 */

export const QUEUE_TABLE = "/proc/net/netfilter/nfnetlink_queue";

export interface QueueRow {
  queue: number;
  /** Packets held now. */
  waiting: number;
  /** Dropped because the queue was full, and because the listener's socket was. */
  dropped: number;
}

/**
 * Parses the table. Columns (net/netfilter/nfnetlink_queue.c, seq_show): queue number, port id, packets waiting,
 * copy mode, copy range, dropped by the queue, dropped by the socket, id sequence, 1.
 */
export function parseQueueTable(text: string): QueueRow[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const columns = line.trim().split(/\s+/).map(Number);
      const at = (index: number): number => columns[index] ?? 0;
      return { queue: at(0), waiting: at(2), dropped: at(5) + at(6) };
    });
}

/** Queue numbers tried, in this order: far from the low numbers that people and other tools use. */
const FIRST = 19_456;
const COUNT = 1_024;

/** The lowest queue of our range that nothing in the namespace uses; null when there is none. */
export function freeQueue(used: ReadonlySet<number>): number | null {
  for (let queue = FIRST; queue < FIRST + COUNT; queue++) {
    if (!used.has(queue)) return queue;
  }
  return null;
}

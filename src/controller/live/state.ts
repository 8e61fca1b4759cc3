/** What the page knows, from the events it was told. Imported by the page's script. @module */
import type { ServerEvent } from "./sse.ts";
import type { FaultsEvent, NodeView, Second, Snapshot, Tick } from "./wire.ts";

/** As long as the controller keeps them. */
const KEEP_MS = 600_000;

export class LiveState {
  snapshot: Snapshot | null = null;
  seconds: Second[] = [];
  faults: FaultsEvent = [];
  /** Empty until the first tick. */
  nodes: readonly NodeView[] = [];
  /** The controller's clock less ours, in milliseconds. */
  #ahead = 0;

  /** @param now our clock when the event came, Unix epoch milliseconds. */
  apply({ name, data }: ServerEvent, now: number): void {
    if (name === "snapshot") this.#begin(JSON.parse(data), now);
    if (name === "faults") this.faults = JSON.parse(data);
    if (name === "tick") this.#tick(JSON.parse(data));
  }

  #begin(snapshot: Snapshot, now: number): void {
    this.snapshot = snapshot;
    this.seconds = [...snapshot.seconds];
    this.faults = snapshot.faults;
    this.#ahead = snapshot.now - now;
  }

  #tick({ second, nodes }: Tick): void {
    this.seconds.push(second);
    while ((this.seconds[0]?.t ?? second.t) < second.t - KEEP_MS) this.seconds.shift();
    this.nodes = nodes;
  }

  /** The controller's clock. @param now ours. */
  controllerTime(now: number): number {
    return now + this.#ahead;
  }
}

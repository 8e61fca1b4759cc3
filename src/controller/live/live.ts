/** What is going on in the lab, as one stream of events for whoever watches. @module */
import type { Keeper } from "../../faults/keeper.ts";
import type { Lab } from "../../lab/lab.ts";
import type { Observer } from "../observer.ts";
import { FaultWatch } from "./fault-watch.ts";
import { Sampler } from "./sampler.ts";
import { labSources } from "./sources.ts";
import { encodeEvent } from "./sse.ts";
import { Viewers } from "./viewers.ts";
import type { FaultsEvent, Snapshot, Tick } from "./wire.ts";

export class Live implements Disposable {
  readonly #viewers = new Viewers();
  readonly #sampler: Sampler;
  readonly #faults: FaultWatch;

  /** @param observer told of each scrape of the api, whether or not anybody watches. */
  constructor(
    readonly lab: Lab,
    keeper: Keeper,
    observer: Observer,
  ) {
    this.#sampler = new Sampler(labSources(lab), {
      scraped: (scraped) => observer.see(scraped),
      watched: () => this.#viewers.any,
      tick: (tick: Tick) => this.#viewers.send(encodeEvent("tick", tick)),
    });
    this.#faults = new FaultWatch(
      lab.paths.journal,
      () => keeper.past,
      (faults: FaultsEvent) => this.#viewers.send(encodeEvent("faults", faults)),
    );
  }

  /** A stream of events that begins with what there is. @throws {ChaoslabError} `busy` when too many watch. */
  events(): Response {
    const { lab } = this;
    const snapshot: Snapshot = {
      lab: lab.name,
      now: Date.now(),
      places: lab.places,
      links: lab.links,
      seconds: this.#sampler.seconds,
      faults: this.#faults.faults,
    };
    return this.#viewers.open(encodeEvent("snapshot", snapshot));
  }

  [Symbol.dispose](): void {
    this.#sampler[Symbol.dispose]();
    this.#faults[Symbol.dispose]();
  }
}

/**
 * Looks at the lab once a second for all who want to know: at the api always, as the MTTR of a revert rests on it, and at
 * everything else while somebody watches. A look that fails or comes late is shown as not known.
 * @module
 */
import { parseExposition } from "../../observe/exposition.ts";
import { type Scraped, scrapedOf } from "../counters.ts";
import { History } from "./history.ts";
import { type NodeScrape, nodeView } from "./nodes.ts";
import type { Sources } from "./sources.ts";
import type { Second, Tick } from "./wire.ts";

const EVERY_MS = 1_000;

export interface Listeners {
  /** Told of each scrape of the api. */
  scraped: (scraped: Scraped) => void;
  /** Whether somebody wants ticks. */
  watched: () => boolean;
  tick: (tick: Tick) => void;
}

export class Sampler implements Disposable {
  readonly #history = new History();
  /** Per service, its last scrape. */
  readonly #last = new Map<string, NodeScrape | null>();
  readonly #timer: ReturnType<typeof setInterval>;
  #looking = false;

  constructor(
    readonly sources: Sources,
    readonly listeners: Listeners,
    everyMs = EVERY_MS,
  ) {
    this.#timer = setInterval(() => void this.#look(), everyMs);
  }

  /** Of the last ten minutes, oldest first. */
  get seconds(): readonly Second[] {
    return this.#history.seconds;
  }

  /** Not while the one before it goes on: it would queue behind a node that hangs. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#tick();
    } finally {
      this.#looking = false;
    }
  }

  async #tick(): Promise<void> {
    const { sources, listeners } = this;
    const t = Date.now();
    const watched = listeners.watched();
    const [status, ...scrapes] = await Promise.all([
      watched ? sources.status().catch(() => null) : null,
      ...sources.services.map((service) => (watched || service === "api" ? this.#scrape(service) : null)),
    ]);
    const found = new Map(sources.services.map((service, i) => [service, scrapes[i] ?? null]));
    const api = found.get("api") ?? null;
    const scraped = api && scrapedOf(api.samples, api.t);
    if (scraped) listeners.scraped(scraped);
    const second = this.#history.add(scraped, t);
    if (watched) {
      const nodes = sources.names.map((name) => {
        const now = found.get(name);
        const before = this.#last.get(name) ?? null;
        return nodeView(name, status, now === undefined ? null : { before, now });
      });
      listeners.tick({ second, nodes });
    }
    for (const [service, scrape] of found) this.#last.set(service, scrape);
  }

  async #scrape(service: Sources["services"][number]): Promise<NodeScrape | null> {
    try {
      const text = await this.sources.scrape(service);
      return { t: Date.now(), samples: parseExposition(text) };
    } catch {
      // Not reachable, too late, or not readable: that is what is shown.
      return null;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

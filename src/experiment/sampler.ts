/**
 * Looks at the servers once a second while a run goes on: the services' own metrics, and what a Prometheus server answers.
 * A look that fails or comes late is a gap in the record.
 * @module
 */
import type { Lab } from "../lab/lab.ts";
import type { AnswerRecord, ScrapeRecord } from "../model/history.ts";
import type { Sli } from "../model/sli.ts";
import { parseExposition } from "../observe/exposition.ts";
import { instantQuery } from "../observe/prometheus/client.ts";
import { RECORDED } from "./server-side.ts";
import { neededSamples, readServerSli, type ServerSli } from "./server-sli.ts";

const EVERY_MS = 1_000;
const TIMEOUT_MS = 900;

export class Sampler implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #declared: readonly ServerSli[];
  readonly #queries: readonly { sli: string; query: string }[];
  /** Per node, what its last scrape said. */
  readonly #last = new Map<string, Map<string, number>>();
  /** Nodes whose last look has not ended. */
  readonly #looking = new Set<string>();
  #disposed = false;

  /** @param prometheus address of the server that answers SLIs with a query. */
  constructor(
    readonly lab: Lab,
    slis: Readonly<Record<string, Sli>>,
    readonly prometheus: string | null,
    readonly onRecord: (record: ScrapeRecord | AnswerRecord) => void,
  ) {
    this.#declared = Object.values(slis).flatMap((sli) =>
      sli.source === "metrics" ? [readServerSli(sli)] : [],
    );
    this.#queries = Object.entries(slis).flatMap(([sli, declared]) =>
      declared.source === "prometheus" ? [{ sli, query: declared.query }] : [],
    );
    this.#look();
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  #look(): void {
    for (const { sli, query } of this.#queries) {
      this.#once(sli, async () => {
        const value = await instantQuery(this.prometheus ?? "", query, { timeoutMs: TIMEOUT_MS });
        this.#record({ kind: "answer", t: Date.now(), sli, value });
      });
    }
    if (!this.lab.isReachable()) return;
    for (const [node, url] of this.lab.services) this.#once(node, () => this.#scrape(node, url));
  }

  /** Not while the one before it goes on. */
  #once(key: string, look: () => Promise<void>): void {
    if (this.#looking.has(key)) return;
    this.#looking.add(key);
    look()
      .catch(() => {})
      .finally(() => this.#looking.delete(key));
  }

  async #scrape(node: string, url: string): Promise<void> {
    const asked = Date.now();
    const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await answer.text();
    if (answer.status !== 200) return;
    const now = keptOf(text, this.#declared);
    const before = this.#last.get(node) ?? new Map<string, number>();
    this.#last.set(node, now);
    const samples: Record<string, number | null> = {};
    for (const [key, value] of now) if (before.get(key) !== value) samples[key] = value;
    for (const key of before.keys()) if (!now.has(key)) samples[key] = null;
    this.#record({ kind: "scrape", asked, t: Date.now(), node, samples });
  }

  #record(record: ScrapeRecord | AnswerRecord): void {
    if (!this.#disposed) this.onRecord(record);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearInterval(this.#timer);
  }
}

const ALWAYS: ReadonlySet<string> = new Set(RECORDED);

/** The samples that a run keeps: name and labels but the node's own, to value. */
export function keptOf(exposition: string, declared: readonly ServerSli[]): Map<string, number> {
  const samples = parseExposition(exposition);
  const needed = new Set(neededSamples(samples, declared));
  const kept = new Map<string, number>();
  for (const sample of samples) {
    const { name, labels, value } = sample;
    // JSON, which the record is in, has no other numbers.
    if (!Number.isFinite(value)) continue;
    if (!ALWAYS.has(name) && !needed.has(sample)) continue;
    const own = Object.entries(labels).filter(([label]) => label !== "node");
    const text = own.map(([label, of]) => `${label}=${JSON.stringify(of)}`).join(",");
    kept.set(text ? `${name}{${text}}` : name, value);
  }
  return kept;
}

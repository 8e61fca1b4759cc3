/**
 * Which replica gets the next request: all in turn, or with the mitigation `draining` those in turn that say they are
 * ready.
 * @module
 */
import type { Mitigations } from "../resilience/mitigations.ts";

const PROBE_EVERY_MS = 250;
const PROBE_MS = 500;
/** Of a replica that gives no answer. One that says no is believed at once. */
const FAILURES = 2;

interface Replica {
  url: string;
  ready: boolean;
  failures: number;
}

export class Replicas {
  readonly #replicas: readonly Replica[];
  #turn = 0;
  #probing: NodeJS.Timeout | null = null;

  /** @param urls at least one. */
  constructor(
    urls: readonly string[],
    private readonly mitigations: Mitigations,
  ) {
    this.#replicas = urls.map((url) => ({ url, ready: true, failures: 0 }));
    const probeOrNot = (): void => {
      if (!mitigations.on("draining")) this.close();
      else
        this.#probing ??= setInterval(
          () => this.#replicas.forEach((each) => void probe(each)),
          PROBE_EVERY_MS,
        );
    };
    mitigations.onChange(probeOrNot);
    probeOrNot();
  }

  get size(): number {
    return this.#replicas.length;
  }

  /** The next one, not of those in `avoid` where it can be helped. */
  next(avoid: ReadonlySet<string> = new Set()): string {
    const usable = (replica: Replica): boolean => replica.ready && !avoid.has(replica.url);
    // When none says it is ready, that is no better a guess than any.
    const choice = this.mitigations.on("draining") && this.#replicas.some(usable) ? usable : () => true;
    for (let i = 0; i < this.#replicas.length; i++) {
      const replica = this.#replicas[this.#turn % this.#replicas.length];
      this.#turn++;
      if (replica && choice(replica)) return replica.url;
    }
    return "";
  }

  /** It refused a connection: nothing more goes to it until it says that it is ready. */
  refused(url: string): void {
    const replica = this.#replicas.find((each) => each.url === url);
    if (replica) replica.ready = false;
  }

  /** By url, 1 when requests go to it. */
  levels(): (readonly [string, number])[] {
    return this.#replicas.map(({ url, ready }) => [url, ready ? 1 : 0] as const);
  }

  close(): void {
    if (this.#probing) clearInterval(this.#probing);
    this.#probing = null;
    for (const replica of this.#replicas) Object.assign(replica, { ready: true, failures: 0 });
  }
}

async function probe(replica: Replica): Promise<void> {
  const status = await fetch(`${replica.url}/readyz`, { signal: AbortSignal.timeout(PROBE_MS) }).then(
    (answer) => answer.status,
    () => null,
  );
  replica.failures = status === null ? replica.failures + 1 : 0;
  if (status === 200) replica.ready = true;
  else if (status !== null || replica.failures >= FAILURES) replica.ready = false;
}

/**
 * Which replica gets the next request: all in turn; with the mitigation `draining` those that say they are ready, with
 * `breaker` those that have not failed lately.
 * @module
 */
import type { Breaker } from "../resilience/breaker.ts";
import type { Resilience } from "../resilience/resilience.ts";

const PROBE_EVERY_MS = 250;
const PROBE_MS = 300;
/** Of a replica that gives no answer. One that says no is believed at once. */
const FAILURES = 2;

export class Replica {
  /** What it last said, as far as it is asked. */
  ready = true;
  failures = 0;

  constructor(
    readonly url: string,
    readonly breaker: () => Breaker,
  ) {}

  async probe(): Promise<void> {
    const status = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(PROBE_MS) }).then(
      (answer) => answer.status,
      () => null,
    );
    this.failures = status === null ? this.failures + 1 : 0;
    if (status === 200) this.ready = true;
    else if (status !== null || this.failures >= FAILURES) this.ready = false;
  }
}

export class Replicas {
  readonly #replicas: readonly Replica[];
  #turn = 0;
  #probing: NodeJS.Timeout | null = null;

  /** @param urls at least one. */
  constructor(
    urls: readonly string[],
    private readonly resilience: Resilience,
  ) {
    const { mitigations } = resilience;
    this.#replicas = urls.map((url) => new Replica(url, resilience.breaker(`orders ${new URL(url).host}`)));
    const probeOrNot = (): void => {
      if (!mitigations.on("draining")) this.close();
      else this.#probing ??= setInterval(() => this.#probeAll(), PROBE_EVERY_MS);
    };
    mitigations.onChange(probeOrNot);
    probeOrNot();
  }

  get size(): number {
    return this.#replicas.length;
  }

  /**
   * The next one, not of those in `avoid`. When none is as it should be, that is no better a guess than any: all are
   * taken in turn, as Envoy's panic mode does.
   */
  next(avoid: ReadonlySet<Replica>): Replica {
    const { mitigations } = this.resilience;
    const [draining, breaking] = [mitigations.on("draining"), mitigations.on("breaker")];
    const good = (replica: Replica): boolean =>
      !avoid.has(replica) && (!draining || replica.ready) && (!breaking || !replica.breaker().refuses);
    const choice =
      this.#following(good) ?? this.#following((each) => !avoid.has(each)) ?? this.#following(() => true);
    if (!choice) throw new RangeError("no replicas");
    return choice;
  }

  #following(wanted: (replica: Replica) => boolean): Replica | undefined {
    const { length } = this.#replicas;
    for (let i = 0; i < length; i++) {
      const at = (this.#turn + i) % length;
      const replica = this.#replicas[at];
      if (!replica || !wanted(replica)) continue;
      this.#turn = at + 1;
      return replica;
    }
    return undefined;
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

  #probeAll(): void {
    for (const replica of this.#replicas) void replica.probe();
  }
}

/**
 * What passed through proxies and toxics, from their server's metrics. Shopify's server counts a connection's bytes when
 * it ends, where it was started with `-proxy-metrics`; ours counts them as they pass, and what each toxic met.
 * @module
 */
import type { Toxiproxy } from "toxiproxy-node-client";
import type { Evidence } from "../../model/fault.ts";
import type { ToxicName } from "../../model/params.ts";
import { Refused } from "../../toxiproxy/client.ts";

export type Stream = "upstream" | "downstream";

interface Sample {
  metric: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** Lines of Prometheus' text format, without comments. */
export function parseSamples(text: string): Sample[] {
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)/gm)].map(([, metric = "", labels = "", value]) => ({
    metric,
    labels: Object.fromEntries(
      [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]),
    ),
    value: Number(value),
  }));
}

const TOXIC_COUNTERS: Readonly<Record<string, true>> = { chaoslab_toxic_connections_total: true };

/** Counters of some proxies at one moment, summed. */
export class ProxyTraffic {
  private constructor(
    readonly samples: readonly Sample[],
    readonly proxies: readonly string[],
  ) {}

  static of(text: string, proxies: readonly string[]): ProxyTraffic {
    return new ProxyTraffic(parseSamples(text), proxies);
  }

  /** Null where the server serves no metrics. */
  static async read({ api, host }: Toxiproxy, proxies: readonly string[]): Promise<ProxyTraffic | null> {
    try {
      return ProxyTraffic.of(await api.getText(`${host}/metrics`), proxies);
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null;
      throw error;
    }
  }

  /** Bytes read from the sender of a stream. A counter that is not there has counted nothing, or is off. */
  received(stream: Stream): number {
    return this.#sum("toxiproxy_proxy_received_bytes_total", stream);
  }

  /** What a toxic met on these proxies; null where the server does not count that. */
  met(toxic: string): { connections: number; bytes: number; ends: number } | null {
    const of = (what: string): number =>
      this.samples
        .filter(({ metric }) => metric === `chaoslab_toxic_${what}_total`)
        .filter(({ labels }) => labels.toxic === toxic && this.proxies.includes(labels.proxy ?? ""))
        .reduce((sum, each) => sum + each.value, 0);
    const counts = this.samples.some(
      ({ metric, labels }) => metric in TOXIC_COUNTERS && labels.toxic === toxic,
    );
    return counts ? { connections: of("connections"), bytes: of("bytes"), ends: of("ends") } : null;
  }

  #sum(metric: string, stream?: Stream): number {
    return this.samples
      .filter((each) => each.metric === metric && this.proxies.includes(each.labels.proxy ?? ""))
      .filter((each) => stream === undefined || each.labels.direction === stream)
      .reduce((sum, each) => sum + each.value, 0);
  }
}

export interface ToxicObserved {
  toxic: ToxicName;
  /** Its name on the proxies. */
  name: string;
  /** Share of connections it acts on, 0 to 1. */
  toxicity: number;
  stream: Stream;
  proxies: readonly string[];
  /** Those that have the toxic. */
  listed: readonly string[];
  /** Null: the server serves no metrics. */
  before: ProxyTraffic | null;
  now: ProxyTraffic | null;
}

/** What shows that a toxic acted: a reset needs a connection, a `slow_close` the end of one, the others data. */
function acted(
  toxic: ToxicName,
  { connections, bytes, ends }: { connections: number; bytes: number; ends: number },
) {
  if (toxic === "reset_peer") return connections > 0;
  return toxic === "slow_close" ? ends > 0 : bytes > 0;
}

/**
 * Landed: every proxy has its toxic, and it met traffic. Shopify's server does not tell what a toxic met: there, bytes
 * that were counted since are taken for it, if the toxic acts on every connection.
 */
export function toxicEvidence(observed: ToxicObserved): Evidence {
  const { toxic, name, toxicity, stream, proxies, listed, before, now } = observed;
  const on = `${toxic} ${stream} on ${listed.length} of ${proxies.length} proxies`;
  if (!before || !now) {
    const detail = `${on}; its server serves no metrics, so nothing shows that a connection met it`;
    return { landed: false, detail, measures: { proxies: listed.length } };
  }
  const everywhere = listed.length === proxies.length;
  const met = now.met(name);
  if (met) {
    return {
      landed: everywhere && acted(toxic, met),
      detail: `${on}: it met ${met.connections} connections, ${met.bytes} bytes and ${met.ends} ends of streams`,
      measures: {
        proxies: listed.length,
        connections: met.connections,
        bytes: met.bytes,
        ends: met.ends,
      },
    };
  }
  // The counters of a restarted server begin anew, and it has no toxics.
  const received = Math.max(0, now.received(stream) - before.received(stream));
  const shows = toxicity === 1 && toxic !== "slow_close";
  const why = shows ? "" : "; what of it met the toxic, the server does not tell";
  return {
    landed: everywhere && shows && received > 0,
    detail: `${on}: ${received} bytes were counted since, each connection's at its end${why}`,
    measures: { proxies: listed.length, received_bytes: received },
  };
}

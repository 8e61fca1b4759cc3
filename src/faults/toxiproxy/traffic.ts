/**
 * What passed through proxies, from their server's metrics. Shopify's server counts bytes where it was started with
 * `-proxy-metrics`; ours counts them always, and connections too.
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
  /** Bytes passed on to the receiver of a stream. */
  sent(stream: Stream): number {
    return this.#sum("toxiproxy_proxy_sent_bytes_total", stream);
  }
  get opened(): number {
    return this.#sum("toxiproxy_proxy_connections_total");
  }
  get closed(): number {
    return this.opened - this.#sum("toxiproxy_proxy_connections");
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
  stream: Stream;
  proxies: readonly string[];
  /** Those that have the toxic. */
  listed: readonly string[];
  /** Null: the server serves no metrics. */
  before: ProxyTraffic | null;
  now: ProxyTraffic | null;
}

/**
 * Landed: every proxy has its toxic, and bytes came through since in its direction. A `slow_close` acts on the end of a
 * connection, so one must have ended.
 */
export function toxicEvidence({ toxic, stream, proxies, listed, before, now }: ToxicObserved): Evidence {
  const on = `${toxic} ${stream} on ${listed.length} of ${proxies.length} proxies`;
  if (!before || !now) {
    const detail = `${on}; its server serves no metrics, so nothing shows that a connection met it`;
    return { landed: false, detail, measures: { proxies: listed.length } };
  }
  // The counters of a restarted server begin anew, and it has no toxics.
  const since = (count: (traffic: ProxyTraffic) => number): number => Math.max(0, count(now) - count(before));
  const received = since((traffic) => traffic.received(stream));
  const sent = since((traffic) => traffic.sent(stream));
  const opened = since((traffic) => traffic.opened);
  const closed = since((traffic) => traffic.closed);
  const met = toxic === "slow_close" ? closed > 0 : received > 0;
  return {
    landed: listed.length === proxies.length && met,
    detail: `${on}: ${received} bytes came in, ${sent} went on; ${opened} connections opened, ${closed} closed`,
    measures: {
      proxies: listed.length,
      received_bytes: received,
      sent_bytes: sent,
      opened_connections: opened,
      closed_connections: closed,
    },
  };
}

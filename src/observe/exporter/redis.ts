/**
 * What Redis tells of itself (INFO, Redis documentation).
 * @module
 */
import { Redis } from "ioredis";
import { inTime, type Samples, type Source } from "./samples.ts";

/** `key:value` lines; headings begin with `#`. */
export function parseInfo(text: string): Map<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const at = line.indexOf(":");
      return line.startsWith("#") || at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}

export class RedisSource implements Source {
  readonly #redis: Redis;

  /** @param url e.g. `redis://198.18.0.61:6379`. */
  constructor(
    readonly node: string,
    url: string,
  ) {
    this.#redis = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 700,
      retryStrategy: () => 500,
    });
    this.#redis.on("error", () => {});
  }

  async collect(samples: Samples): Promise<void> {
    const text = await inTime(this.#ask());
    show(samples, this.node, text === null ? null : parseInfo(text));
  }

  async #ask(): Promise<string> {
    if (this.#redis.status === "wait" || this.#redis.status === "end") await this.#redis.connect();
    return await this.#redis.info();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis.disconnect();
  }
}

function show(samples: Samples, node: string, info: Map<string, string> | null): void {
  const name = (suffix: string): string => `chaoslab_redis_${suffix}`;
  samples.gauge(name("up"), "1 when the server answered this scrape in time.", { node }, info ? 1 : 0);
  if (!info) return;
  const of = (key: string): number => Number(info.get(key) ?? Number.NaN);
  const level = (suffix: string, help: string, key: string): void =>
    samples.gauge(name(suffix), help, { node }, of(key));
  const total = (suffix: string, help: string, key: string): void =>
    samples.counter(name(suffix), help, { node }, of(key));
  level("uptime_seconds", "Since the server was started.", "uptime_in_seconds");
  level("connected_clients", "Client connections.", "connected_clients");
  level("blocked_clients", "Clients that wait in a blocking call.", "blocked_clients");
  level("memory_used_bytes", "Memory allocated.", "used_memory");
  level("memory_limit_bytes", "maxmemory; 0 means none.", "maxmemory");
  total("commands_processed_total", "Commands processed.", "total_commands_processed");
  total("connections_received_total", "Connections accepted.", "total_connections_received");
  total("keyspace_hits_total", "Look-ups of keys that were there.", "keyspace_hits");
  total("keyspace_misses_total", "Look-ups of keys that were not.", "keyspace_misses");
  total("keys_expired_total", "Keys that expired.", "expired_keys");
  total("keys_evicted_total", "Keys evicted for want of memory.", "evicted_keys");
}

import { Counter, Gauge, Registry } from "prom-client";
import type { Proxies } from "./proxies.ts";
import { DIRECTIONS } from "./toxic.ts";

const LABELS = ["direction", "proxy", "listener", "upstream"] as const;

/** Prometheus text: Toxiproxy's own two metrics by their names, and the connections. */
export function metricsOf(proxies: Proxies): Registry {
  const registry = new Registry();
  const registers = [registry];
  for (const way of ["received", "sent"] as const) {
    new Counter({
      name: `toxiproxy_proxy_${way}_bytes_total`,
      help: way === "received" ? "Bytes read from the sender." : "Bytes passed on to the receiver.",
      labelNames: LABELS,
      registers,
      collect() {
        this.reset();
        for (const proxy of proxies.all()) {
          const { name, listen: listener, upstream } = proxy;
          for (const direction of DIRECTIONS) {
            this.inc({ direction, proxy: name, listener, upstream }, proxy[way][direction]);
          }
        }
      },
    });
  }
  for (const [name, help, field] of [
    ["toxiproxy_proxy_connections_total", "Connections accepted.", "accepted"],
    ["toxiproxy_proxy_upstream_failures_total", "Connections that the upstream refused.", "upstreamFailures"],
  ] as const) {
    new Counter({
      name,
      help,
      labelNames: ["proxy"],
      registers,
      collect() {
        this.reset();
        for (const proxy of proxies.all()) this.inc({ proxy: proxy.name }, proxy[field]);
      },
    });
  }
  for (const [name, help, field] of [
    ["chaoslab_toxic_connections_total", "Connections that the toxic acts or acted on.", "connections"],
    ["chaoslab_toxic_bytes_total", "Bytes that the toxic was given.", "bytes"],
    ["chaoslab_toxic_ends_total", "Ends of streams that the toxic was given.", "ends"],
  ] as const) {
    new Counter({
      name,
      help,
      labelNames: ["proxy", "toxic"],
      registers,
      collect() {
        this.reset();
        for (const proxy of proxies.all()) {
          for (const toxic of proxy.toxics)
            this.inc({ proxy: proxy.name, toxic: toxic.name }, toxic.met[field]);
        }
      },
    });
  }
  new Gauge({
    name: "toxiproxy_proxy_connections",
    help: "Connections open now.",
    labelNames: ["proxy"],
    registers,
    collect() {
      this.reset();
      for (const proxy of proxies.all()) this.set({ proxy: proxy.name }, proxy.open);
    },
  });
  return registry;
}

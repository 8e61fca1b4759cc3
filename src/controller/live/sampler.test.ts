import { expect, test } from "bun:test";
import { waitFor } from "../../lab/wait.ts";
import { Sampler } from "./sampler.ts";
import type { Sources } from "./sources.ts";
import type { Tick } from "./wire.ts";

/** A lab of two nodes, of which one has metrics. */
function lab() {
  let answered = 0;
  const asked: string[] = [];
  const sources: Sources = {
    names: ["api", "redis"],
    services: ["api", "orders-1"],
    scrape: async (service) => {
      asked.push(service);
      if (service !== "api") throw new Error("no answer");
      answered += 5;
      return `chaoslab_http_requests_total{method="POST",route="/orders",status="200"} ${answered}\n`;
    },
    status: async () => {
      asked.push("supervisor");
      return [];
    },
  };
  return { sources, asked };
}

test("while nobody watches only the api is asked, and what it answered is kept", async () => {
  const { sources, asked } = lab();
  let scrapes = 0;
  using sampler = new Sampler(
    sources,
    { scraped: () => scrapes++, watched: () => false, tick: () => expect.unreachable() },
    5,
  );
  await waitFor(() => sampler.seconds.length >= 3, { what: "three looks", timeoutMs: 5_000 });
  expect(new Set(asked)).toEqual(new Set(["api"]));
  expect(scrapes).toBeGreaterThanOrEqual(3);
  expect(sampler.seconds.at(-1)?.operations?.["POST /orders"].rate).toBeGreaterThan(0);
});

test("who watches is told of every node, and of those that gave no answer", async () => {
  const { sources } = lab();
  const ticks: Tick[] = [];
  using _ = new Sampler(
    sources,
    { scraped: () => {}, watched: () => true, tick: (tick) => ticks.push(tick) },
    5,
  );
  await waitFor(() => ticks.length >= 2, { what: "two ticks", timeoutMs: 5_000 });
  expect(ticks.at(-1)?.nodes).toMatchObject([
    { name: "api", state: null, has_metrics: true, metrics: { pools: [], calls: [] } },
    { name: "redis", has_metrics: false, metrics: null },
  ]);
});

test("a look that hangs is not joined by another one", async () => {
  const { sources, asked } = lab();
  const hanging = {
    ...sources,
    scrape: (service: string) => {
      asked.push(service);
      return new Promise<string>(() => {});
    },
  };
  using _ = new Sampler(hanging, { scraped: () => {}, watched: () => false, tick: () => {} }, 5);
  await waitFor(() => asked.length > 0, { what: "a look", timeoutMs: 5_000 });
  await Bun.sleep(50);
  expect(asked).toEqual(["api"]);
});

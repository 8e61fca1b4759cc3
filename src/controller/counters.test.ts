import { expect, test } from "bun:test";
import { parseExposition } from "../observe/exposition.ts";
import { growth, lastBound, quantileBound, scrapedOf, sumOf } from "./counters.ts";

const scrape = (ok: number, failed: number, fast: number, all: number) =>
  scrapedOf(
    parseExposition(`
# TYPE chaoslab_http_requests_total counter
chaoslab_http_requests_total{method="GET",route="/orders/:id",status="200"} ${ok}
chaoslab_http_requests_total{method="GET",route="/orders/:id",status="503"} ${failed}
chaoslab_http_requests_total{method="GET",route="/metrics",status="500"} 99
chaoslab_http_request_duration_seconds_bucket{le="0.25",method="GET",route="/orders/:id"} ${fast}
chaoslab_http_request_duration_seconds_bucket{le="10",method="GET",route="/orders/:id"} ${fast}
chaoslab_http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/orders/:id"} ${all}
chaoslab_http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/metrics"} 7
`),
    5,
  ).operations["GET /orders/{id}"];

test("the operations with SLOs are counted, other routes are not; one that was never called has none", () => {
  expect(scrape(90, 10, 80, 100)).toMatchObject({ answered: 100, failed: 10 });
  expect(scrapedOf([], 5).operations["POST /orders"]).toMatchObject({ answered: 0, failed: 0 });
});

test("growth is what came between two scrapes; none after a restart", () => {
  const [before, after] = [scrape(90, 10, 80, 100), scrape(180, 20, 179, 200)];
  expect(growth(before, after)).toMatchObject({ answered: 100, failed: 10 });
  expect(growth(after, before)).toBeNull();
  expect(sumOf([before, after])).toMatchObject({ answered: 300, failed: 30 });
});

test("a quantile is its bucket's upper bound, infinite above the last one, null without answers", () => {
  const counted = scrape(100, 0, 98, 100);
  expect([0.5, 0.98, 0.99].map((q) => quantileBound(counted, q))).toEqual([
    0.25,
    0.25,
    Number.POSITIVE_INFINITY,
  ]);
  expect(lastBound(counted)).toBe(10);
  expect(quantileBound(scrape(0, 0, 0, 0), 0.5)).toBeNull();
});

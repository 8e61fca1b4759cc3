import { expect, test } from "bun:test";
import { between, parseTotals } from "./observer.ts";

const scrape = (ok: number, failed: number, fast: number, all: number): string => `
# TYPE chaoslab_http_requests_total counter
chaoslab_http_requests_total{method="GET",route="/orders/{id}",status="200"} ${ok}
chaoslab_http_requests_total{route="/orders",status="503"} ${failed}
chaoslab_http_requests_total{route="/metrics",status="500"} 99
chaoslab_http_request_duration_seconds_bucket{le="0.25",route="/orders/{id}"} ${fast}
chaoslab_http_request_duration_seconds_bucket{le="+Inf",route="/orders/{id}"} ${all}
chaoslab_http_request_duration_seconds_bucket{le="+Inf",route="/metrics"} 7
`;

test("order routes are summed over the api's exposition, others left out", () => {
  expect(parseTotals(scrape(90, 10, 80, 100), 5)).toEqual({
    t: 5,
    requests: 100,
    failed: 10,
    buckets: new Map([
      [0.25, 80],
      [Number.POSITIVE_INFINITY, 100],
    ]),
  });
});

test("an interval is what came between two scrapes; none after a restart", () => {
  const before = parseTotals(scrape(90, 10, 80, 100), 1_000);
  const after = parseTotals(scrape(180, 20, 180, 200), 2_000);
  expect(between(before, after)).toEqual({ t: 2_000, requests: 100, error_rate: 0.1, p99_s: 0.25 });
  expect(between(after, before)).toBeNull();
});

/**
 * What the board shows, as data: every expression here is one that a test asks a real Prometheus.
 * @module
 */
import { OPERATIONS } from "../../model/load.ts";
import { QUANTILES, SERIES, WINDOW } from "../prometheus/rules.ts";

/** Grafana's names of units. */
export type PanelUnit = "reqps" | "percentunit" | "s" | "short" | "bytes" | "ops";

export interface PanelSpec {
  title: string;
  unit: PanelUnit;
  /** What a reader may not know. */
  about?: string;
  queries: readonly { expr: string; legend: string }[];
  /** A logarithmic axis: for what spans orders of magnitude. */
  log?: boolean;
  /** Series that are not there in a calm system, such as breakers of a lab without that mitigation. */
  mayBeEmpty?: boolean;
}

export interface RowSpec {
  title: string;
  panels: readonly PanelSpec[];
}

const rate = (metric: string): string => `rate(${metric}[${WINDOW}])`;
const quantile = (q: number, histogram: string, by: string): string =>
  `histogram_quantile(${q}, sum by (${by}, le) (${rate(`${histogram}_bucket`)}))`;

const latency = OPERATIONS.map(
  (operation): PanelSpec => ({
    title: `${operation}: latency at the api`,
    unit: "s",
    log: true,
    queries: QUANTILES.map(([suffix]) => ({
      expr: `api:${SERIES[operation]}_seconds:${suffix}_${WINDOW}`,
      legend: suffix,
    })),
  }),
);

export const ROWS: readonly RowSpec[] = [
  {
    title: "Service levels",
    panels: [
      {
        title: "Requests",
        unit: "reqps",
        queries: OPERATIONS.map((operation) => ({
          expr: `api:${SERIES[operation]}_requests:rate${WINDOW}`,
          legend: operation,
        })),
      },
      {
        title: "Failed and degraded",
        unit: "percentunit",
        about: "Shares of each operation: answered in 5xx, or with less than was asked for.",
        queries: [
          { expr: "sli:write_error_rate:ratio", legend: "writes failed" },
          { expr: "sli:read_error_rate:ratio", legend: "reads failed" },
          { expr: "sli:write_degraded_rate:ratio", legend: "writes degraded" },
        ],
      },
      ...latency,
    ],
  },
  {
    title: "Services",
    panels: [
      {
        title: "Requests by service",
        unit: "reqps",
        queries: [{ expr: `sum by (node) (${rate("chaoslab_http_requests_total")})`, legend: "{{node}}" }],
      },
      {
        title: "Answered in 5xx, by service",
        unit: "reqps",
        mayBeEmpty: true,
        queries: [
          {
            expr: `sum by (node) (${rate('chaoslab_http_requests_total{status=~"5.."}')})`,
            legend: "{{node}}",
          },
        ],
      },
      {
        title: "p99 by service",
        unit: "s",
        log: true,
        queries: [
          { expr: quantile(0.99, "chaoslab_http_request_duration_seconds", "node"), legend: "{{node}}" },
        ],
      },
      {
        title: "Requests in flight",
        unit: "short",
        queries: [{ expr: "chaoslab_http_requests_in_flight", legend: "{{node}}" }],
      },
    ],
  },
  {
    title: "Pools, breakers, limits",
    panels: [
      {
        title: "Pools: share in use",
        unit: "percentunit",
        queries: [{ expr: "chaoslab_pool_in_use / chaoslab_pool_size", legend: "{{node}} {{pool}}" }],
      },
      {
        title: "Pools: waiting",
        unit: "short",
        queries: [{ expr: "chaoslab_pool_waiting", legend: "{{node}} {{pool}}" }],
      },
      {
        title: "Breakers",
        unit: "short",
        about: "0 closed, 1 half-open, 2 open.",
        queries: [{ expr: "chaoslab_breaker_state", legend: "{{node}} {{dependency}}" }],
      },
      {
        title: "Adaptive limit",
        unit: "short",
        queries: [
          { expr: "chaoslab_limit", legend: "{{node}} limit" },
          { expr: "chaoslab_limit_in_flight", legend: "{{node}} in flight" },
        ],
      },
      {
        title: "Shed, timed out, degraded",
        unit: "ops",
        mayBeEmpty: true,
        queries: [
          {
            expr: `sum by (node, priority) (${rate("chaoslab_shed_total")})`,
            legend: "{{node}} shed {{priority}}s",
          },
          {
            expr: `sum by (node, dependency) (${rate("chaoslab_timeouts_total")})`,
            legend: "{{node}} timeouts {{dependency}}",
          },
          {
            expr: `sum by (node, reason) (${rate("chaoslab_degraded_total")})`,
            legend: "{{node}} {{reason}}",
          },
        ],
      },
      {
        title: "Retry amplification",
        unit: "short",
        about: "Attempts for each call.",
        queries: [
          {
            expr: `sum by (node, dependency) (${rate("chaoslab_dependency_attempts_total")}) / sum by (node, dependency) (${rate("chaoslab_dependency_calls_total")})`,
            legend: "{{node}} {{dependency}}",
          },
        ],
      },
    ],
  },
  {
    title: "Dependencies",
    panels: [
      {
        title: "p99 of one attempt",
        unit: "s",
        log: true,
        queries: [
          {
            expr: quantile(0.99, "chaoslab_dependency_duration_seconds", "node, dependency"),
            legend: "{{node}} {{dependency}}",
          },
        ],
      },
      {
        title: "Attempts that failed",
        unit: "ops",
        mayBeEmpty: true,
        queries: [
          {
            expr: `sum by (node, dependency, outcome) (${rate('chaoslab_dependency_duration_seconds_count{outcome!="ok"}')})`,
            legend: "{{node}} {{dependency}} {{outcome}}",
          },
        ],
      },
    ],
  },
  {
    title: "Databases",
    panels: [
      {
        title: "Replication lag",
        unit: "bytes",
        about: "WAL written by the primary and not replayed by the standby.",
        queries: [{ expr: "chaoslab_postgres_replication_lag_bytes", legend: "{{standby}}" }],
      },
      {
        title: "Connections",
        unit: "short",
        queries: [{ expr: "chaoslab_postgres_connections", legend: "{{node}} {{state}}" }],
      },
      {
        title: "Transactions",
        unit: "ops",
        queries: [
          { expr: rate("chaoslab_postgres_transactions_committed_total"), legend: "{{node}} committed" },
          { expr: rate("chaoslab_postgres_transactions_rolled_back_total"), legend: "{{node}} rolled back" },
        ],
      },
      {
        title: "Locks waiting, oldest transaction",
        unit: "short",
        queries: [
          { expr: "chaoslab_postgres_locks_waiting", legend: "{{node}} locks waiting" },
          { expr: "chaoslab_postgres_oldest_transaction_seconds", legend: "{{node}} oldest transaction, s" },
        ],
      },
      {
        title: "Redis commands",
        unit: "ops",
        queries: [{ expr: rate("chaoslab_redis_commands_processed_total"), legend: "{{node}}" }],
      },
      {
        title: "Room on volumes",
        unit: "bytes",
        queries: [{ expr: "chaoslab_node_volume_free_bytes", legend: "{{node}}" }],
      },
    ],
  },
  {
    title: "Runtime",
    panels: [
      {
        title: "Event loop lag, p99",
        unit: "s",
        log: true,
        queries: [{ expr: quantile(0.99, "chaoslab_event_loop_lag_seconds", "node"), legend: "{{node}}" }],
      },
      {
        title: "Waiting for a processor",
        unit: "percentunit",
        about: "Share of the time in which the main thread was ready to run and did not.",
        queries: [{ expr: rate("chaoslab_run_queue_seconds_total"), legend: "{{node}}" }],
      },
      {
        title: "Garbage collection: share of the time paused",
        unit: "percentunit",
        queries: [
          {
            expr: `sum by (node, kind) (${rate("chaoslab_gc_pause_seconds_sum")})`,
            legend: "{{node}} {{kind}}",
          },
        ],
      },
      {
        title: "Heap",
        unit: "bytes",
        queries: [{ expr: "chaoslab_heap_bytes", legend: "{{node}}" }],
      },
      {
        title: "Processor time by node",
        unit: "short",
        about: "In cores.",
        queries: [{ expr: rate("chaoslab_node_cpu_seconds_total"), legend: "{{node}}" }],
      },
      {
        title: "Kept off the processors by the quota",
        unit: "percentunit",
        queries: [{ expr: rate("chaoslab_node_cpu_throttled_seconds_total"), legend: "{{node}}" }],
      },
      {
        title: "Memory by node",
        unit: "bytes",
        queries: [{ expr: "chaoslab_node_memory_bytes", legend: "{{node}}" }],
      },
    ],
  },
];

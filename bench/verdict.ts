/**
 * How long a verdict takes over a long history: half an hour at 500 requests per second, with 20 tenants, seven scraped
 * pools a node and 180,000 orders and charges. From the file, as `chaoslab verdict` does it, and from memory, as a run does.
 *
 *     bun bench/verdict.ts [minutes] [requests per second]
 */
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readRecording } from "../src/experiment/recording.ts";
import { cascade, faultEvent, LOAD_START, payments200ms, summary } from "../src/experiment/synthetic.ts";
import { trialOf } from "../src/experiment/trial.ts";
import { judge } from "../src/experiment/verdict.ts";
import { bucketOf } from "../src/load/histogram.ts";
import { tenantName } from "../src/load/mix.ts";
import { randomUnit } from "../src/load/random.ts";
import type { HistoryRecord } from "../src/model/history.ts";
import type { LoadDelta } from "../src/model/load.ts";

const LIMIT_MS = 1_000;
const ROUNDS = 5;
const TENANTS = 20;

const minutes = Number(process.argv[2] ?? 30);
const rate = Number(process.argv[3] ?? 500);
const seconds = minutes * 60;
const third = Math.floor(seconds / 3);
const phases = {
  baseline: [10, third],
  fault: [third + 1, 2 * third],
  recovery: [2 * third + 1, seconds],
} as const;
const millis = (second: number): number => LOAD_START + second * 1000;

let draws = 0;
const draw = (): number => randomUnit(1, draws++, 0);

function delta(second: number, operation: LoadDelta["operation"], tenant: number): LoadDelta {
  const mean = rate * (operation === "POST /orders" ? 0.2 : 0.8);
  const n = Math.round((mean / TENANTS) * (0.5 + draw()));
  const slow =
    operation === "POST /orders" && second >= phases.fault[0] && second < phases.fault[1] ? 200 : 0;
  const buckets = new Map<number, number>();
  for (let i = 0; i < n; i++) {
    const bucket = bucketOf((10 + slow - 20 * Math.log(1 - draw())) * 1000);
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
  }
  return {
    second,
    operation,
    tenant,
    outcomes: { "2xx": n },
    latency: [...buckets].sort(([a], [b]) => a - b).flat(),
  };
}

function* recordsOf(): Generator<HistoryRecord> {
  const { t_start, seed, shard, targets } = summary;
  yield { kind: "start", t_start, rate, seed, shard, targets, stages: [], operations: [], tenants: TENANTS };
  const orders = [];
  const charges = [];
  for (let second = 0; second < seconds; second++) {
    const deltas: LoadDelta[] = [];
    for (const operation of ["GET /orders/{id}", "POST /orders"] as const) {
      for (let tenant = 0; tenant < TENANTS; tenant++) deltas.push(delta(second, operation, tenant));
    }
    const acknowledged = Array.from({ length: Math.round(rate * 0.2) }, (_, i) => ({
      id: `o-${second}-${i}-0123456789abcdef0123`,
      tenant: tenantName(i % TENANTS),
      status: "paid" as const,
      second,
    }));
    for (const { id, tenant } of acknowledged) {
      const [created_at_ms, amount_cents] = [millis(second), 100];
      orders.push({
        id,
        tenant_id: tenant,
        status: "paid" as const,
        amount_cents,
        created_at_ms,
        updated_at_ms: created_at_ms,
      });
      charges.push({
        rowid: charges.length,
        key: id,
        order_id: id,
        tenant_id: tenant,
        amount_cents,
        created_at_ms,
      });
    }
    const sent = { due: 0, sent: 0, late: 0, in_flight: 0, slip_max_ms: 0, slip: [] };
    yield { kind: "tick", tick: second + 1, ...sent, deltas, record: { acknowledged, foreign_reads: [] } };
    for (const node of ["api", "orders-1", "orders-2", "payments", "catalog"]) {
      const samples: Record<string, number> = {};
      for (let pool = 0; pool < 7; pool++)
        samples[`chaoslab_pool_in_use{pool="p${pool}"}`] = Math.floor(draw() * 16);
      for (const name of ["attempts", "calls"]) {
        samples[`chaoslab_dependency_${name}_total{dependency="payments"}`] = second * 50;
      }
      yield { kind: "scrape", asked: millis(second), t: millis(second) + 5, node, samples };
    }
  }
  for (const phase of ["baseline", "fault", "recovery"] as const) {
    yield { kind: "phase", phase, from: phases[phase][0], to: phases[phase][1] };
  }
  const [t_start_ms, t_stop] = [millis(phases.fault[0]) - 200, millis(phases.fault[1])];
  yield { kind: "fault", event: { ...faultEvent, t_start: t_start_ms, t_stop } };
  const at = {
    read_at_ms: millis(seconds),
    collected_at_ms: millis(seconds),
    recovered_at_ms: t_stop,
    pending_bound_s: 30,
  };
  yield { kind: "integrity", facts: { primary: orders, replica: orders, charges, ...at, problems: [] } };
  yield { ...summary, requests: rate * seconds };
}

const folder = mkdtempSync(join(tmpdir(), "chaoslab-bench-"));
try {
  const file = join(folder, "history.ndjson");
  const fd = openSync(file, "w");
  for (const record of recordsOf()) writeSync(fd, `${JSON.stringify(record)}\n`);
  closeSync(fd);
  console.log(
    `${minutes} min at ${rate} requests/s: ${(statSync(file).size / 1024 / 1024).toFixed(1)} MiB of history`,
  );
  const reads: number[] = [];
  const judgements: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    const recording = readRecording(file, 5_000, cascade.slis);
    const read = performance.now();
    const verdict = judge(trialOf(cascade, payments200ms, 1, recording));
    judgements.push(performance.now() - read);
    reads.push(read - started);
    if (round === 0) console.log(`${verdict.result}: ${verdict.reasons.join("; ")}`);
  }
  const best = (values: readonly number[]): string =>
    `${Math.min(...values).toFixed(0)} ms at best, ${Math.max(...values).toFixed(0)} ms at worst`;
  console.log(`verdict ${best(judgements)} of ${ROUNDS}; reading the history ${best(reads)}`);
  if (Math.min(...judgements) > LIMIT_MS) {
    console.error(`verdict: more than ${LIMIT_MS} ms`);
    process.exitCode = 1;
  }
} finally {
  if (!process.env.KEEP) rmSync(folder, { recursive: true, force: true });
  else console.log(folder);
}

/**
 * Reads what `chaoslab load` printed by `--json` or `--stream` and somebody kept.
 * @module
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import { type LoadSummary, OUTCOMES, requestsOf } from "../model/load.ts";
import { ARRIVAL_MODELS } from "./arrivals.ts";
import { Histogram } from "./histogram.ts";
import { MAX_SHARDS } from "./shard.ts";
import type { Saved } from "./together.ts";

const Count = Type.Integer({ minimum: 0 });
const Amount = Type.Number({ minimum: 0 });
const HistogramData = Type.Object({
  count: Count,
  sum_us: Amount,
  max_us: Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 }),
  buckets: Type.Array(Count),
});
const Outcomes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, Type.Optional(Count)]));

/** Of a summary what merging needs; the rest of it follows from that. */
const Summary = Type.Object({
  kind: Type.Literal("summary"),
  targets: Type.Array(Type.String()),
  stages: Type.Array(Type.Object({ duration_s: Amount, from: Amount, to: Amount }), { minItems: 1 }),
  seed: Count,
  arrivals: Type.Union(ARRIVAL_MODELS.map((model) => Type.Literal(model))),
  shard: Type.Object({ index: Count, of: Type.Integer({ minimum: 1, maximum: MAX_SHARDS }) }),
  t_start: Type.Number(),
  duration_s: Amount,
  requests: Count,
  late: Count,
  dropped: Count,
  slip_histogram: HistogramData,
  limits: Type.Object({ slip_p99_ms: Amount, dropped_share: Amount }),
  operation_names: Type.Array(Type.String()),
  operations: Type.Record(
    Type.String(),
    Type.Object({
      requests: Type.Integer({ minimum: 1 }),
      outcomes: Type.Object(Outcomes, { additionalProperties: false }),
      histograms: Type.Object({ latency: HistogramData, service_time: HistogramData }),
    }),
  ),
});

/** A JSON document may be spread over lines by hand; longer than this it is no summary. */
const MAX_DOCUMENT = 64 * 2 ** 20;

/** @throws ChaoslabError `badConfig` when the file is neither a summary nor a whole stream. */
export async function readSaved(name: string): Promise<Saved> {
  const fail = (why: string): ChaoslabError => new ChaoslabError("badConfig", `merge: ${name}: ${why}`);
  let ends: Ends;
  try {
    ends = await readEnds(name);
  } catch (error) {
    throw fail(codeOf(error) === "ENOENT" ? "no such file" : reasonOf(error));
  }
  const isStream = kindOf(ends.first) === "start";
  const value = parse(isStream ? ends.last : ends.document);
  if (isStream && kindOf(ends.last) !== "summary")
    throw fail("a stream without its summary: the load was cut off");
  if (value === undefined) throw fail("neither the --json nor the --stream output of chaoslab load");
  if (typeof value === "object" && value !== null && "merged" in value)
    throw fail("merged already: give the shards it was made of");
  const wrong = problemOf(value);
  if (wrong !== null) throw fail(`not a load's summary: ${wrong}`);
  return { name, form: isStream ? "stream" : "summary", summary: value as LoadSummary };
}

interface Ends {
  /** First and last line that is not empty. */
  first: string;
  last: string;
  /** The whole text, unless it is a stream's. */
  document: string;
}

async function readEnds(name: string): Promise<Ends> {
  const ends: Ends = { first: "", last: "", document: "" };
  const input = createReadStream(name, { encoding: "utf8" });
  const opened = new Promise<void>((resolve, reject) =>
    input.once("open", () => resolve()).once("error", reject),
  );
  await opened;
  let isStream = false;
  for await (const line of createInterface({ input })) {
    if (line.trim() === "") continue;
    if (ends.first === "") {
      ends.first = line;
      isStream = kindOf(line) === "start";
    }
    ends.last = line;
    if (!isStream && ends.document.length < MAX_DOCUMENT) ends.document += `${line}\n`;
  }
  return ends;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The kind of a record on a line; null when it is none. */
function kindOf(line: string): unknown {
  if (!line.startsWith("{")) return null;
  const value = parse(line);
  return typeof value === "object" && value !== null && "kind" in value ? value.kind : null;
}

/** What keeps a value from being a summary, or from agreeing with itself. Null when nothing does. */
function problemOf(value: unknown): string | null {
  if (!Value.Check(Summary, value)) {
    const first = Value.Errors(Summary, value).First();
    return first ? `${first.path.slice(1).replaceAll("/", ".") || "it"}: ${first.message}` : "it is none";
  }
  if (value.shard.index >= value.shard.of) return `shard: no index ${value.shard.index} of ${value.shard.of}`;
  let requests = 0;
  try {
    Histogram.fromData(value.slip_histogram);
    for (const [name, operation] of Object.entries(value.operations)) {
      if (!value.operation_names.includes(name)) return `operations: ${name} is not in operation_names`;
      if (requestsOf(operation.outcomes) !== operation.requests)
        return `${name}: outcomes and requests differ`;
      Histogram.fromData(operation.histograms.latency);
      Histogram.fromData(operation.histograms.service_time);
      requests += operation.requests;
    }
  } catch (error) {
    if (error instanceof RangeError) return reasonOf(error);
    throw error;
  }
  return requests === value.requests ? null : "requests differ from those of the operations";
}

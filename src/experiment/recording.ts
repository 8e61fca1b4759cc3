/**
 * The records of one run of one hypothesis, drawn together: the same whether they come from the run or from its file.
 * @module
 */
import { readFileSync } from "node:fs";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import type { FaultEvent } from "../model/fault.ts";
import type { HistoryRecord, IntegrityRecord, ScrapeRecord } from "../model/history.ts";
import type { IntegrityFacts, LeaseSample } from "../model/integrity.ts";
import { type ClientRecord, type LoadSummary, OPERATIONS, type Operation } from "../model/load.ts";
import type { Mitigation } from "../model/mitigations.ts";
import type { Sli } from "../model/sli.ts";
import type { NodeAfter, Phases, Stopped } from "../model/verdict.ts";
import { parseExposition, type Sample } from "../observe/exposition.ts";
import { History } from "./history.ts";
import { leaseSample } from "./integrity/leases.ts";
import { Measurements, type Series } from "./measurements.ts";
import { readServerSli, type Scrape, serverSli } from "./server-sli.ts";

const READ: Operation = "GET /orders/{id}";

export class Recording {
  readonly history: History;
  readonly scrapes: Scrape[] = [];
  readonly phases: Partial<Phases> = {};
  stopped: Stopped | null = null;
  nodes: NodeAfter[] = [];
  mitigations: Mitigation[] = [];
  /** Of the load, by name. */
  operations: readonly Operation[] = OPERATIONS;
  /** Unix epoch milliseconds of arrival second 0. */
  loadStart = 0;
  /** When it was decided to take the faults back, Unix epoch milliseconds. */
  revertAt: number | null = null;
  /** Null while the load runs, and for ever where it was cut off. */
  load: LoadSummary | null = null;
  /** The file ends in the middle of a line. */
  truncated = false;
  readonly #events = new Map<string, FaultEvent>();
  readonly #client: ClientRecord = { acknowledged: [], foreign_reads: [] };
  readonly #leases: LeaseSample[] = [];
  #integrity: IntegrityRecord["facts"] | null = null;
  readonly #answers = new Map<string, { t: number; value: number | null }[]>();
  /** What each node's metrics are now. */
  readonly #now = new Map<string, Map<string, Sample>>();

  constructor(
    timeoutMs: number,
    readonly slis: Readonly<Record<string, Sli>>,
  ) {
    this.history = new History(timeoutMs);
  }

  /** In order of injection. */
  get events(): FaultEvent[] {
    return [...this.#events.values()];
  }

  secondOf(t: number): number {
    return (t - this.loadStart) / 1000;
  }

  add(record: HistoryRecord): void {
    switch (record.kind) {
      case "start":
        this.loadStart = record.t_start;
        if (record.operations.length > 0) this.operations = record.operations;
        break;
      case "tick":
        for (const delta of record.deltas) this.history.add(delta);
        this.#client.acknowledged.push(...(record.record?.acknowledged ?? []));
        this.#client.foreign_reads.push(...(record.record?.foreign_reads ?? []));
        break;
      case "summary":
        this.load = record;
        break;
      case "scrape":
        this.#scrape(record);
        break;
      case "answer": {
        const answers = this.#answers.get(record.sli) ?? [];
        this.#answers.set(record.sli, answers);
        answers.push({ t: record.t, value: record.value });
        break;
      }
      case "phase":
        this.phases[record.phase] = [record.from, record.to];
        break;
      case "fault":
        this.#events.set(record.event.id, record.event);
        break;
      case "revert":
        this.revertAt = record.t;
        break;
      case "stopped": {
        const { kind: _, ...stopped } = record;
        this.stopped = stopped;
        break;
      }
      case "nodes":
        this.nodes = record.nodes;
        break;
      case "system":
        this.mitigations = record.mitigations;
        break;
      case "integrity":
        this.#integrity = record.facts;
        break;
    }
  }

  /** The SLIs as far as they are known. */
  measurements(): Measurements {
    const series = new Map<string, Series>();
    for (const [name, sli] of Object.entries(this.slis)) {
      if (sli.source === "metrics") {
        const span = { startMs: this.loadStart, seconds: this.history.length };
        series.set(name, serverSli(this.scrapes, readServerSli(sli), span));
      }
      if (sli.source === "prometheus") series.set(name, this.#answered(name));
    }
    return new Measurements(this.history, this.slis, series, this.operations);
  }

  /** What a Prometheus server answered last, if that was after `t`. */
  answeredSince(name: string, t: number): number | null {
    const last = this.#answers.get(name)?.at(-1);
    return last && last.t >= t ? last.value : null;
  }

  #answered(name: string): Series {
    const values: (number | null)[] = [];
    for (const { t, value } of this.#answers.get(name) ?? []) {
      const second = Math.floor(this.secondOf(t));
      if (second < 0) continue;
      while (values.length <= second) values.push(null);
      values[second] = value;
    }
    return values;
  }

  /** What the client was told so far, and how many of its reads were checked. */
  get client(): ClientRecord & { reads: number } {
    const reads = this.history.window(READ, 0, this.history.length).good;
    return { ...this.#client, reads: reads + this.#client.foreign_reads.length };
  }

  /** What the data's invariants are checked on; null where it was not collected. */
  get integrity(): IntegrityFacts | null {
    return this.#integrity && { ...this.#integrity, ...this.client, leases: this.#leases };
  }

  #scrape({ asked, t, node, samples }: ScrapeRecord): void {
    const now = new Map(this.#now.get(node));
    for (const [text, value] of Object.entries(samples)) {
      if (value === null) now.delete(text);
      else now.set(text, { ...sampleOf(text), value });
    }
    this.#now.set(node, now);
    const all = [...now.values()];
    this.scrapes.push({ t, node, samples: all });
    const lease = leaseSample(all, { node, asked, t });
    if (lease) this.#leases.push(lease);
  }
}

const parsed = new Map<string, Pick<Sample, "name" | "labels">>();

/** Name and labels of a sample as a node wrote them; each text is parsed once. */
function sampleOf(text: string): Pick<Sample, "name" | "labels"> {
  let sample = parsed.get(text);
  if (!sample) {
    const [first] = parseExposition(`${text} 0\n`);
    sample = first ? { name: first.name, labels: first.labels } : { name: text, labels: {} };
    parsed.set(text, sample);
  }
  return sample;
}

/**
 * Reads a history file. A last line that was cut off is left out.
 * @throws {ChaoslabError} `notFound`, or `badConfig` naming the line.
 */
export function readRecording(
  path: string,
  timeoutMs: number,
  slis: Readonly<Record<string, Sli>>,
): Recording {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "no such file" : reasonOf(error);
    throw new ChaoslabError("notFound", `${path}: ${why}`);
  }
  const recording = new Recording(timeoutMs, slis);
  const lines = text.split("\n");
  const last = lines.pop();
  for (const [i, line] of lines.entries()) {
    try {
      recording.add(JSON.parse(line) as HistoryRecord);
    } catch (error) {
      throw new ChaoslabError("badConfig", `${path}:${i + 1}: not a record of a run: ${reasonOf(error)}`);
    }
  }
  if (last) recording.truncated = true;
  return recording;
}

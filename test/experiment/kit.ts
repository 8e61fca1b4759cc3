/** What the tests of runs share: a short schedule, a run of it, and what is left when it is over. */
import { expect } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { RunDocument } from "../../src/experiment/store.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { exec } from "../../src/lab/exec.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { Hypothesis, Profile, ScheduleFile } from "../../src/model/schedule.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { chaoslab, processes, start } from "../support.ts";

export interface Changes {
  hypothesis?: Partial<Hypothesis>;
  windows?: Partial<Profile>;
  schedule?: Partial<ScheduleFile>;
}

/** Runs on one lab that is up. */
export class Runs {
  readonly scratch = mkdtempSync(join(tmpdir(), "chaoslab-run-"));
  lab: HostLab;

  private constructor(readonly name: string) {
    const found = findLab(name);
    if (!found) throw new Error(`lab ${name} is not there`);
    this.lab = found;
  }

  static async onLab(name: string): Promise<Runs> {
    expect((await chaoslab(["up", "--lab", name])).code).toBe(0);
    return new Runs(name);
  }

  /** A short run at a modest rate, with wide bounds: these tests are about chaoslab, not about how fast this machine is. */
  schedule({ hypothesis = {}, windows = {}, schedule = {} }: Changes = {}): string {
    const file = join(this.scratch, `${crypto.randomUUID()}.yaml`);
    const slow: Hypothesis = {
      name: "slow-payments",
      sli: "write_p99",
      steady_state: "< 1500 ms",
      slo_threshold: "< 1900 ms",
      fault: { type: "latency", target: "payments", params: { delay_ms: 200 } },
      window_s: 6,
    };
    const document: ScheduleFile = {
      name: "short",
      seed: 3,
      load: { rate: 100, reads: 0.8, tenants: 20, timeout_s: 2 },
      profiles: { full: { warmup_s: 2, baseline_s: 5, recovery_s: 10, ...windows } },
      slos: { read_availability: { steady: ">= 90 %", fault: ">= 90 %" } },
      hypotheses: [{ ...slow, ...hypothesis }],
      ...schedule,
    };
    writeFileSync(file, stringify(document));
    return file;
  }

  args(file: string, ...more: string[]): string[] {
    return ["run", file, "--lab", this.name, "--out", this.scratch, ...more];
  }

  async verdictOf(file: string, ...more: string[]): Promise<{ document: RunDocument; verdict: Verdict }> {
    const { stdout, stderr, code } = await chaoslab(this.args(file, "--json", ...more));
    if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
    return this.verdictIn(stdout);
  }

  verdictIn(stdout: string): { document: RunDocument; verdict: Verdict } {
    const document = JSON.parse(stdout) as RunDocument;
    const [verdict] = document.verdicts;
    if (!verdict) throw new Error("no verdict");
    return { document, verdict };
  }

  get activeFaults(): number {
    return openFaults(this.lab.paths.journal).filter((fault) => fault.active).length;
  }

  /** Starts a run and returns when its fault is in force. */
  async untilFault(file: string, ...more: string[]): Promise<ReturnType<typeof start>> {
    const child = start(this.args(file, ...more));
    await waitFor(() => this.activeFaults === 1, { what: "the fault to be injected", timeoutMs: 60_000 });
    return child;
  }

  /** No fault in the kernel or in the journal, and no process of a run. */
  async expectReverted(): Promise<void> {
    await waitFor(() => openFaults(this.lab.paths.journal).length === 0 && helpers().length === 0, {
      what: "the fault and its processes to be gone",
      timeoutMs: 20_000,
    });
    const list = ["ip", "netns", "exec", this.lab.topology.fabricNamespace, "iptables", "-t", "mangle", "-S"];
    expect((await exec(list)).stdout).not.toContain("NFQUEUE");
    for (const place of ["payments", "fabric"]) {
      const { stdout } = await exec(["tc", "-n", `chaoslab-${this.name}-${place}`, "qdisc", "show"]);
      expect(stdout).not.toContain("netem");
    }
  }
}

/** Processes of a run: its load, its guard, its packet worker. */
export const helpers = (): string[] =>
  processes().filter((argv) => / (load|internal (guard|nfqueue)) /.test(argv));

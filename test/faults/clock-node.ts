/**
 * A node of its own for the clock's tests: a real cgroup, and real processes in it that tell the time.
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { exec } from "../../src/lab/exec.ts";
import {
  cgroupDirs,
  cgroupLayout,
  cgroupProcesses,
  createCgroups,
  enterCgroup,
  killCgroup,
  removeCgroups,
} from "../../src/lab/host/cgroup.ts";
import type { Target } from "../../src/lab/target.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { monotonicMs, type Told } from "./clock-teller.ts";
import { Fabric } from "./fabric.ts";

const LAB = `cltest-clock-${process.pid}`;
const layout = cgroupLayout();
const here = (name: string): string => resolve(import.meta.dir, name);

/** CLOCK_REALTIME minus CLOCK_MONOTONIC of the host, in milliseconds: where all processes agree, by the second. */
export function hostOffset(): number {
  const samples = Array.from({ length: 20 }, () => {
    const before = monotonicMs();
    const date = Date.now();
    return { took: monotonicMs() - before, value: date + 0.5 - before };
  });
  return samples.toSorted((a, b) => a.took - b.took)[0]?.value ?? Number.NaN;
}

/** A process that says a line again and again, and the last one that it has said. */
export class Speaker {
  last = "";
  count = 0;
  readonly followed: Promise<void>;
  constructor(readonly child: Bun.Subprocess<"ignore", "pipe", "ignore">) {
    this.followed = this.#follow();
  }

  async #follow(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.child.stdout) {
      const line = decoder.decode(chunk).trim().split("\n").at(-1);
      if (line) this.last = line;
      this.count++;
    }
  }

  /** A line said after now; the next one may have been on its way. */
  async fresh(): Promise<string> {
    const from = this.count;
    const what = `process ${this.child.pid} to say something`;
    await waitFor(() => this.count >= from + 2, { what, timeoutMs: 5_000, intervalMs: 2 });
    return this.last;
  }

  async told(): Promise<Told> {
    return JSON.parse(await this.fresh()) as Told;
  }

  /** How far its Date.now() is ahead of the host's clock, in milliseconds; the median of a few. */
  async offset(): Promise<number> {
    const offsets: number[] = [];
    for (let i = 0; i < 5; i++) {
      const { date, monotonic } = await this.told();
      offsets.push(date + 0.5 - monotonic - hostOffset());
    }
    return offsets.toSorted((a, b) => a - b)[2] ?? Number.NaN;
  }
}

export class ClockNode {
  readonly folder = mkdtempSync(join(tmpdir(), "cltest-clock-"));
  readonly #outside: Speaker[] = [];
  constructor(readonly name: string) {
    createCgroups(layout, LAB, [name]);
  }

  get target(): Target {
    const cgroup = { version: layout.version, dirs: cgroupDirs(layout, LAB, this.name) };
    return { ...new Fabric("none").target("a"), name: this.name, cgroup };
  }
  get pids(): number[] {
    return cgroupProcesses(layout, LAB, this.name);
  }

  start(argv: string[], inside = true): Speaker {
    const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
    if (inside) enterCgroup(layout, LAB, this.name, child.pid);
    const speaker = new Speaker(child);
    if (!inside) this.#outside.push(speaker);
    return speaker;
  }

  async teller(inside = true): Promise<Speaker> {
    const speaker = this.start([process.execPath, here("clock-teller.ts")], inside);
    await speaker.fresh();
    return speaker;
  }

  async spinner(): Promise<Speaker> {
    const speaker = this.start([process.execPath, here("clock-teller.ts"), "spin"]);
    await speaker.fresh();
    return speaker;
  }

  /** Waits from SIGUSR2 on. */
  async waiter(): Promise<Speaker> {
    const speaker = this.start([process.execPath, here("clock-teller.ts"), "wait"]);
    // Long enough for its helper threads to be there.
    await waitFor(() => speaker.count > 30, { what: "it to have begun", timeoutMs: 10_000 });
    return speaker;
  }

  async bash(): Promise<Speaker> {
    const speaker = this.start(["bash", here("clock-bash.sh")]);
    await speaker.fresh();
    return speaker;
  }

  /** A PostgreSQL of its own, on a Unix socket only. @returns the folder of the socket. */
  async postgres(): Promise<string> {
    const bin = "/usr/lib/postgresql/15/bin";
    const data = join(this.folder, "data");
    const asPostgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
    await exec(["chown", "postgres", this.folder]);
    const initdb = ["-D", data, "-U", "postgres", "--auth=trust", "--no-sync"];
    await exec([...asPostgres, join(bin, "initdb"), ...initdb]);
    const settings = ["-c", "listen_addresses=", "-c", `unix_socket_directories=${this.folder}`];
    this.start([
      ...asPostgres,
      join(bin, "postgres"),
      "-D",
      data,
      ...settings,
      "-c",
      "logging_collector=off",
    ]);
    const isReady = [join(bin, "pg_isready"), "-h", this.folder, "-U", "postgres"];
    await waitFor(async () => (await exec(isReady, { allowFailure: true })).code === 0, {
      what: "PostgreSQL to accept connections",
      timeoutMs: 20_000,
    });
    return this.folder;
  }

  async end(): Promise<void> {
    for (const { child } of this.#outside) child.kill("SIGKILL");
    const ended = (): boolean => killCgroup(layout, LAB, this.name) === 0;
    await waitFor(ended, { what: `the processes of ${this.name} to end`, timeoutMs: 5_000 });
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Removes the cgroups of all nodes; their processes have ended. */
  static removeAll(): void {
    removeCgroups(layout, LAB);
  }
}

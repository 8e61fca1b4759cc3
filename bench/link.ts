/**
 * Two namespaces with a sink on one of them, and faults on what the other sends.
 * @module
 */
import { resolve } from "node:path";
import { linesOf } from "../src/cli/lines.ts";
import { type ActiveFault, inject } from "../src/faults/controller.ts";
import { exec } from "../src/lab/exec.ts";
import { waitFor } from "../src/lab/wait.ts";
import type { FaultType, ParamsOf } from "../src/model/params.ts";
import { inside } from "../test/faults/fabric.ts";
import { PacketNet } from "../test/faults/packets-net.ts";
import type { Taken } from "./traffic.ts";

const PORT = 7_200;
const traffic = (...args: string[]): string[] => [
  process.execPath,
  resolve(import.meta.dir, "traffic.ts"),
  ...args,
];

export class Link implements AsyncDisposable {
  private constructor(
    readonly net: PacketNet,
    readonly sink: Bun.Subprocess<"pipe", "pipe">,
    readonly lines: AsyncIterator<string>,
  ) {}

  static async up(name: string): Promise<Link> {
    const net = new PacketNet(name);
    try {
      await net.up();
    } catch (error) {
      await net.down();
      throw error;
    }
    const argv = inside(net.fabric.path("a"), traffic("sink", `${PORT}`));
    const sink = Bun.spawn(argv, { stdin: "pipe", stdout: "pipe" });
    const link = new Link(net, sink, linesOf(sink.stdout));
    await link.lines.next();
    return link;
  }

  /** A fault on what b sends, by the backend that comes first on this machine unless one is named. */
  fault<T extends FaultType>(type: T, params: ParamsOf<T>, only?: string): Promise<ActiveFault> {
    const { backend: _, ...given } = this.net.fault("", type, "b", params);
    return inject(only === undefined ? given : { ...given, backend: only });
  }

  /** tc by hand on b's own device; gone when disposed. */
  async tc(...args: string[]): Promise<AsyncDisposable> {
    const qdisc = (...words: string[]) =>
      exec(
        inside(this.net.fabric.path("b"), [
          "tc",
          "qdisc",
          words[0] ?? "",
          "dev",
          "eth0",
          "root",
          ...words.slice(1),
        ]),
      );
    await qdisc("add", ...args);
    return { [Symbol.asyncDispose]: async () => void (await qdisc("del")) };
  }

  /** Runs one of traffic.ts's programs on b against a's sink. */
  async run(mode: "stamp" | "blast" | "flood" | "ping", ...args: number[]): Promise<string> {
    const argv = traffic(mode, this.net.fabric.address("a"), `${PORT}`, ...args.map(String));
    return (await exec(inside(this.net.fabric.path("b"), argv), { timeoutMs: 120_000 })).stdout;
  }

  async take(): Promise<Taken> {
    this.sink.stdin.write("\n");
    await this.sink.stdin.flush();
    const { value, done } = await this.lines.next();
    if (done) throw new Error("the sink has ended");
    return JSON.parse(value) as Taken;
  }

  /** Takes until nothing more comes. */
  async takeAll(): Promise<Taken> {
    let all = await this.take();
    const quiet = async (): Promise<boolean> => {
      const more = await this.take();
      if (more.bytes === 0) return true;
      all = {
        datagrams: all.datagrams + more.datagrams,
        bytes: all.bytes + more.bytes,
        first: all.bytes === 0 ? more.first : all.first,
        last: more.last,
        delays: [...all.delays, ...more.delays],
        overflows: all.overflows + more.overflows,
      };
      return false;
    };
    await waitFor(quiet, { what: "the last packet", timeoutMs: 10_000, intervalMs: 300 });
    return all;
  }

  /** One-way delays in milliseconds of so many datagrams, 500 a second. */
  async delays(count: number): Promise<number[]> {
    await this.take();
    await this.run("stamp", count, 500);
    return (await this.takeAll()).delays;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sink.kill("SIGKILL");
    await this.net.down();
  }
}

/** What the integration tests share: the built binary, and a picture of what a lab may leave on the host. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { resolve } from "node:path";
import { exec } from "../src/lab/exec.ts";

export const BINARY = resolve(import.meta.dir, "../dist/chaoslab");

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Words put before the binary, e.g. `setpriv ...`. */
  prefix?: string[];
}

export function start(args: string[], { env = {}, cwd, prefix = [] }: RunOptions = {}) {
  return Bun.spawn([...prefix, BINARY, ...args], {
    env: { ...process.env, NO_COLOR: "1", ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs the binary to its end. */
export async function chaoslab(args: string[], options?: RunOptions): Promise<Finished> {
  const child = start(args, options);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

/** Asserts the form of every refusal: one line on stderr, that begins with the program's name, and no stack. */
export function oneLine({ stderr, stdout }: Finished): string {
  const lines = stderr.trimEnd().split("\n");
  if (lines.length !== 1 || !lines[0]?.startsWith("chaoslab: ") || stdout !== "") {
    throw new Error(`not one line of error: ${JSON.stringify({ stdout, stderr })}`);
  }
  return lines[0];
}

/** Everything on this host that a lab could leave behind, or change. */
export async function hostPicture(): Promise<Record<string, unknown>> {
  const lines = async (argv: string[]): Promise<string[]> =>
    (await exec(argv)).stdout.split("\n").filter(Boolean);
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const cgroupRoots = mounts
    .filter((line) => / cgroup2? /.test(line))
    .map((line) => line.split(" ")[1] ?? "");
  return {
    namespaces: await lines(["ip", "netns", "list"]),
    links: (await lines(["ip", "-o", "link"])).map((line) => line.split(": ")[1]),
    routes: await lines(["ip", "route"]),
    qdiscs: await lines(["tc", "qdisc", "show"]),
    rules: (await lines(["iptables-save"])).filter((line) => !line.startsWith("#") && !line.startsWith(":")),
    mounts: mounts.filter((line) => line.includes("chaoslab")),
    loops: await lines(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]),
    cgroups: cgroupRoots.filter((root) => existsSync(`${root}/chaoslab`)),
    state: existsSync("/var/lib/chaoslab") ? readdirSync("/var/lib/chaoslab/labs") : [],
    processes: processes(),
  };
}

/** Command lines of living processes that are ours, or that a lab started. */
export function processes(): string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const program = argv.split(" ")[0] ?? "";
      if (
        program.endsWith("/chaoslab") ||
        argv.includes("/chaoslab/labs/") ||
        argv.includes("redis-server")
      ) {
        found.push(argv);
      }
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** Milliseconds until a TCP connection is open: one round trip. */
export function connectMs(host: string, port: number): Promise<number> {
  const started = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = connect({ host, port });
  socket.once("connect", () => {
    resolve(performance.now() - started);
    socket.destroy();
  });
  socket.once("error", reject);
  return promise;
}

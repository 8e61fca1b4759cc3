/** A fresh Debian in memory, with mount and pid namespaces of its own: a host that has nothing of ours. */
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "../../src/lab/exec.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { Finished } from "../support.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Mounted from the host: not files of that Debian. */
const OF_THE_KERNEL = ["/dev", "/proc", "/sys"];

export class DebianRoot {
  private constructor(
    /** Where it is mounted, in its mount namespace. */
    private readonly at: string,
    private readonly holder: Bun.Subprocess,
    /** Its pid namespace, and the processes that only hold it. */
    private readonly held: { namespace: string; holding: ReadonlySet<string> },
    /** Argument vector that goes before a program, to run it inside of the mount and pid namespaces. */
    private readonly inside: readonly string[],
  ) {}

  /** Its root directory, for file operations of this process. */
  get dir(): string {
    return `/proc/${this.holder.pid}/root${this.at}`;
  }

  /**
   * Makes and enters it. The archive that CHAOSLAB_TEST_ROOT names is unpacked; else mmdebstrap makes a new one, which
   * takes half a minute and Debian's mirror.
   */
  static async make(): Promise<DebianRoot> {
    const at = mkdtempSync(join(tmpdir(), "chaoslab-root-"));
    // The first process of a pid namespace inherits orphans, and a shell that waits reaps them. With it end all others,
    // and the mounts; it ends with unshare, and that with this process, however it ends.
    const argv = [
      "unshare",
      "--mount",
      "--pid",
      "--fork",
      "--kill-child",
      "sh",
      "-c",
      "sleep infinity & wait",
    ];
    const holder = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...argv], {
      env: { PATH },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const own = `/proc/${holder.pid}/ns`;
    try {
      const held = await waitFor(() => holders(own), { what: "the namespaces", timeoutMs: 10_000 });
      const mounting = ["nsenter", `--mount=${own}/mnt`];
      const inside = [...mounting, `--pid=${own}/pid_for_children`];
      await exec([...mounting, "mount", "-t", "tmpfs", "-o", "mode=0755,size=4g", "debian", at]);
      await exec([...mounting, ...filling(at)], { timeoutMs: 150_000 });
      await exec([...inside, "mount", "-t", "proc", "proc", `${at}/proc`]);
      for (const shared of ["/dev", "/sys"]) await exec([...inside, "mount", "--rbind", shared, at + shared]);
      return new DebianRoot(at, holder, held, inside);
    } catch (error) {
      holder.kill("SIGKILL");
      await holder.exited;
      rmdirSync(at);
      throw error;
    }
  }

  /** Runs a program of that Debian to its end, in a folder of it. It gets no variable of this process but a proxy. */
  async run(argv: readonly string[], cwd = "/"): Promise<Finished> {
    const { http_proxy } = process.env;
    const child = Bun.spawn([...this.inside, "chroot", this.at, "env", `--chdir=${cwd}`, ...argv], {
      env: { PATH, HOME: "/root", LC_ALL: "C.UTF-8", ...(http_proxy === undefined ? {} : { http_proxy }) },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, stdout, stderr };
  }

  /** apt-get, without questions and without the servers that packages would start. Throws what it said. */
  async apt(...args: string[]): Promise<void> {
    writeFileSync(join(this.dir, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    const argv = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", ...args];
    const { code, stdout, stderr } = await this.run(argv);
    if (code !== 0) throw new Error(`apt-get ${args.join(" ")}: ${(stderr || stdout).trim().slice(-500)}`);
  }

  /** Every file of it with its size, mode and time of change, by path; except below `but`, and what the kernel shows. */
  files(...but: string[]): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (path: string): void => {
      for (const entry of readdirSync(this.dir + path, { withFileTypes: true })) {
        const at = `${path}/${entry.name}`;
        if (but.includes(at) || OF_THE_KERNEL.includes(at)) continue;
        if (entry.isDirectory()) {
          found[at] = "folder";
          walk(at);
        } else {
          const { size, mtimeMs, mode } = lstatSync(this.dir + at);
          found[at] = `${size} bytes, mode ${mode.toString(8)}, ${mtimeMs}`;
        }
      }
    };
    walk("");
    return found;
  }

  /** Where something is mounted in it, but for what the kernel shows. */
  mounts(): string[] {
    return mountPoints(`/proc/${this.holder.pid}/mounts`)
      .filter((point) => point.startsWith(`${this.at}/`))
      .map((point) => point.slice(this.at.length))
      .filter((point) => !OF_THE_KERNEL.some((top) => point === top || point.startsWith(`${top}/`)));
  }

  /** Command lines of what runs in it. */
  processes(): string[] {
    const all = [...processesIn(this.held.namespace)];
    return all.filter(([pid]) => !this.held.holding.has(pid)).map(([, argv]) => argv);
  }

  /** Ends all that runs in it, and with it go its mounts. Answers with the processes and mounts that are there all the same. */
  async remove(): Promise<string[]> {
    this.holder.kill("SIGKILL");
    await this.holder.exited;
    const left = (): string[] => [
      ...processesIn(this.held.namespace).values(),
      ...mountPoints("/proc/self/mounts").filter((point) => point.startsWith(this.at)),
    ];
    await waitFor(() => left().length === 0, { what: "its processes to end", timeoutMs: 5_000 }).catch(
      () => {},
    );
    const still = left();
    // Empty, as this mount namespace sees it.
    if (still.length === 0) rmdirSync(this.at);
    return still;
  }
}

/** Argument vector that puts a Debian into a folder. */
function filling(dir: string): string[] {
  const archive = process.env.CHAOSLAB_TEST_ROOT;
  return archive
    ? ["tar", "--extract", "--numeric-owner", `--file=${archive}`, `--directory=${dir}`]
    : ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", "bookworm", dir];
}

/** The pid namespace that a process makes for its children, once the two that hold it are in there. */
function holders(ns: string): { namespace: string; holding: ReadonlySet<string> } | null {
  const namespace = readlinkSync(`${ns}/pid_for_children`);
  const holding = new Set(processesIn(namespace).keys());
  return namespace !== readlinkSync("/proc/self/ns/pid") && holding.size === 2
    ? { namespace, holding }
    : null;
}

const mountPoints = (file: string): string[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");

/** Command lines by pid, of the processes in a pid namespace. */
function processesIn(namespace: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) continue;
      found.set(pid, readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim());
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

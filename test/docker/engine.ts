/**
 * A Docker engine for the tests: one of their own, in a temporary folder, or the one that $DOCKER_HOST names.
 * Its own ends with the tests, and leaves nothing but a cache in dist/docker: the base image and the layers of packages.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { reasonOf } from "../../src/cli/errors.ts";
import { exec } from "../../src/lab/exec.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { BINARY } from "../support.ts";
import { type HostNetwork, hostNetwork, restoreNetwork } from "./host-rules.ts";

const ROOT = resolve(import.meta.dir, "../..");
const CACHE = join(ROOT, "dist/docker");
const BASE = "debian:bookworm-slim";
/** The image's name in docker-compose.yml. */
export const IMAGE = "chaoslab";

/** Networks without a subnet of their own; like the lab's, from what RFC 2544 reserves. */
const ADDRESS_POOL = "base=198.19.248.0/22,size=26";

/** Making the base image and installing packages in it are minutes on a busy machine. */
const LONG_MS = 600_000;

/** What every dockerd makes outside of its own folders: a key, and the sockets of plugins. */
const FOLDERS: readonly string[] = ["/etc/docker", "/run/docker"];

interface Before {
  network: HostNetwork;
  folders: readonly string[];
}

export interface Engine extends AsyncDisposable {
  /** As in $DOCKER_HOST. */
  host: string;
  /** Path of its socket. */
  socket: string;
  /** An empty folder that goes with the engine. */
  scratch: string;
  /** Runs `docker` on it. */
  docker(...argv: string[]): Promise<string>;
}

/** What keeps an engine from running here; null: nothing that is known beforehand. */
function missing(): string | null {
  const wanted = process.env.DOCKER_HOST
    ? ["docker", "docker-compose"]
    : ["docker", "docker-compose", "dockerd", "mmdebstrap"];
  const absent = wanted.filter((program) => !Bun.which(program));
  if (absent.length > 0) return `not installed: ${absent.join(", ")}`;
  if (process.getuid?.() !== 0) return "not root";
  // Two of them in one network namespace take each other's rules and bridges away.
  if (!process.env.DOCKER_HOST && enginesRun()) return "another dockerd runs here: name it in $DOCKER_HOST";
  return existsSync(BINARY) ? null : `${BINARY} is not built`;
}

const enginesRun = (): boolean =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "dockerd";
      } catch {
        // It ended while we looked.
        return false;
      }
    });

/**
 * Starts an engine with the image of the project's binary in it, and says on stderr what each step took.
 * @returns the reason, on one line, where there can be none.
 */
export async function startEngine(): Promise<Engine | string> {
  const reason = missing();
  if (reason !== null) return reason;
  const scratch = mkdtempSync("/tmp/chaoslab-docker-");
  const given = process.env.DOCKER_HOST;
  if (given) {
    const engine = engineAt(given, scratch, async () => {});
    return prepared(engine);
  }
  const before = { network: await hostNetwork(), folders: FOLDERS.filter((path) => existsSync(path)) };
  const host = `unix://${join(scratch, "docker.sock")}`;
  const daemon = startDaemon(scratch, host);
  const engine = engineAt(host, scratch, () => stopDaemon(daemon, engine, before));
  try {
    await timed("engine", () => ready(engine, daemon, join(scratch, "log")));
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    return `dockerd does not run here: ${reasonOf(error)}`;
  }
  return prepared(engine);
}

async function prepared(engine: Engine): Promise<Engine> {
  try {
    await prepare(engine);
    return engine;
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

function engineAt(host: string, scratch: string, stop: () => Promise<void>): Engine {
  return {
    host,
    socket: host.replace(/^unix:\/\//, ""),
    scratch,
    docker: async (...argv) =>
      (
        await exec(["docker", ...argv], {
          // The classic builder: the other one is a plugin, and not everywhere.
          env: { DOCKER_HOST: host, DOCKER_BUILDKIT: "0" },
          timeoutMs: LONG_MS,
        })
      ).stdout,
    [Symbol.asyncDispose]: async () => {
      await stop();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

async function timed<T>(step: string, act: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const value = await act();
  process.stderr.write(`docker: ${step}: ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  return value;
}

function startDaemon(scratch: string, host: string): Bun.Subprocess {
  mkdirSync(CACHE, { recursive: true });
  // It ends with the tests, however they end.
  const argv = [
    "setpriv",
    "--pdeathsig",
    "TERM",
    "dockerd",
    "--host",
    host,
    "--data-root",
    join(CACHE, "data"),
  ];
  argv.push("--exec-root", join(scratch, "exec"), "--pidfile", join(scratch, "pid"));
  // No bridge of its own: each test has its networks.
  argv.push("--bridge", "none", "--default-address-pool", ADDRESS_POOL);
  const log = Bun.file(join(scratch, "log"));
  return Bun.spawn(argv, { stdin: "ignore", stdout: log, stderr: log });
}

async function ready(engine: Engine, daemon: Bun.Subprocess, log: string): Promise<void> {
  const lastError = (): string =>
    /msg="?([^"\n]*)"?[^\n]*$/.exec(readFileSync(log, "utf8").trimEnd())?.[1] ?? "no reason given";
  const answers = async (): Promise<boolean> => {
    const { code } = await exec(["docker", "version"], {
      env: { DOCKER_HOST: engine.host },
      allowFailure: true,
    });
    return code === 0;
  };
  const ended = daemon.exited.then(() => true);
  const up = waitFor(answers, { what: "dockerd to answer", timeoutMs: 60_000, intervalMs: 100 });
  if ((await Promise.race([ended, up])) && daemon.exitCode !== null) throw new Error(lastError());
  await engine.docker("ps");
}

/** Stops what runs on it, the daemon, and what it leaves: mounts, rules, bridges, its key. */
async function stopDaemon(daemon: Bun.Subprocess, engine: Engine, before: Before): Promise<void> {
  if (daemon.exitCode === null) {
    // What cannot be removed must not keep the rest from being so.
    await emptied(engine).catch((error: unknown) => process.stderr.write(`docker: ${reasonOf(error)}\n`));
    daemon.kill("SIGTERM");
  }
  await Promise.race([daemon.exited, Bun.sleep(20_000)]);
  daemon.kill("SIGKILL");
  await daemon.exited;
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(`${engine.scratch}/`) || point.startsWith(`${CACHE}/`));
  for (const point of mounts.reverse()) await exec(["umount", "--lazy", point], { allowFailure: true });
  await restoreNetwork(before.network);
  for (const path of FOLDERS)
    if (!before.folders.includes(path)) rmSync(path, { recursive: true, force: true });
}

async function emptied({ docker }: Engine): Promise<void> {
  const left = (await docker("ps", "--all", "--quiet")).split("\n").filter(Boolean);
  if (left.length > 0) await docker("rm", "--force", "--volumes", ...left);
  await docker("network", "prune", "--force");
  await docker("volume", "prune", "--force");
  // What an earlier binary left.
  await docker("image", "prune", "--force");
}

/** The image, from a base that is made where it cannot be pulled. */
async function prepare(engine: Engine): Promise<void> {
  const { docker } = engine;
  if ((await docker("images", "--quiet", BASE)).trim() === "") {
    await timed("base image", async () => docker("import", await baseTar(), BASE));
  }
  await timed("image", async () => {
    const file = join(ROOT, "docker/Dockerfile");
    // Packages come over the host's network: the engine gives a build none here.
    await docker("build", "--quiet", "--network", "host", "--file", file, "--tag", IMAGE, ROOT);
  });
}

/** A small Debian as an archive, made once: in memory, as it is twice as fast there. */
async function baseTar(): Promise<string> {
  const tar = join(CACHE, "bookworm.tar");
  if (existsSync(tar)) return tar;
  mkdirSync(CACHE, { recursive: true });
  const folders = ["doc", "man", "locale", "info"].map(
    (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
  );
  const argv = [
    "mmdebstrap",
    "--quiet",
    "--variant=apt",
    "--format=tar",
    ...folders,
    "bookworm",
    `${tar}.new`,
  ];
  const memory = mkdtempSync("/tmp/chaoslab-base-");
  await exec(["mount", "-t", "tmpfs", "-o", "size=2g,mode=0755", "tmpfs", memory]);
  try {
    await exec(argv, { env: { TMPDIR: memory }, timeoutMs: LONG_MS });
  } finally {
    await exec(["umount", memory]);
    rmSync(memory, { recursive: true });
  }
  renameSync(`${tar}.new`, tar);
  return tar;
}

/** A real Postgres server of a test's own, with the smallest settings that start. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { freePort } from "./free-port.ts";

const VERSIONS = "/usr/lib/postgresql";
const found = existsSync(VERSIONS)
  ? [...new Glob("*/bin/initdb").scanSync(VERSIONS)].sort().at(-1)
  : undefined;
/** Where Postgres' programs are; null: it is not installed. */
export const postgresBin = found ? join(VERSIONS, dirname(found)) : null;

/** Postgres refuses to run as root. */
const AS_ROOT = process.getuid?.() === 0;

export class PostgresServer {
  #folder = "";
  readonly port = freePort();
  readonly url = `postgres://tester@127.0.0.1:${this.port}/postgres`;

  create(): void {
    this.#folder = mkdtempSync(join(tmpdir(), "sut-pg-"));
    if (AS_ROOT) spawn("chown", "postgres", this.#folder);
    this.#run("initdb", "-D", `${this.#folder}/data`, "-A", "trust", "-U", "tester", "--no-sync");
  }

  start(): void {
    const settings = `-p ${this.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${this.#folder}`;
    const where = ["-D", `${this.#folder}/data`, "-o", settings, "-l", `${this.#folder}/log`];
    this.#run("pg_ctl", ...where, "-w", "start");
  }

  /** `immediate` is a crash: connections are cut, nothing is finished. */
  stop(): void {
    this.#run("pg_ctl", "-D", `${this.#folder}/data`, "-m", "immediate", "-w", "stop");
  }

  remove(): void {
    this.stop();
    rmSync(this.#folder, { recursive: true });
  }

  #run(program: string, ...args: string[]): void {
    const command = [`${postgresBin}/${program}`, ...args];
    spawn(...(AS_ROOT ? ["runuser", "-u", "postgres", "--", ...command] : command));
  }
}

function spawn(...command: string[]): void {
  const result = Bun.spawnSync(command, { cwd: "/", stdout: "ignore", stderr: "pipe" });
  if (result.exitCode !== 0) throw new Error(`${command.join(" ")}: ${result.stderr.toString()}`);
}

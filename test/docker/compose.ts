/** The project's docker-compose.yml on an engine of the tests: up, down, and what the engine tells of its containers. */
import { resolve } from "node:path";
import { exec } from "../../src/lab/exec.ts";
import { NODE_NAMES, Topology } from "../../src/lab/host/topology.ts";
import type { Engine } from "./engine.ts";

const ROOT = resolve(import.meta.dir, "../..");

/** Addresses of the compose file's network are those of this lab. */
export const TOPOLOGY = new Topology("docker", 510, [...NODE_NAMES, "toxiproxy"]);
export const TOKEN = "a-token-of-the-tests";
export const POSTGRES_PASSWORD = "a-password-of-the-tests";

/** A container as `GET /containers/{id}/json` tells of it: the part that is asked for here. */
export interface Container {
  Id: string;
  Config: { User: string; Labels: Record<string, string> };
  State: { Pid: number; Running: boolean; Health?: { Status: string } };
  HostConfig: {
    Privileged: boolean;
    PidMode: string;
    CapAdd: string[] | null;
    CapDrop: string[] | null;
    SecurityOpt: string[] | null;
    RestartPolicy: { Name: string };
  };
}

export class Compose {
  constructor(
    private readonly engine: Engine,
    readonly project: string,
    /** Overrides, after docker-compose.yml. */
    private readonly files: readonly string[] = [],
  ) {}

  /** Runs `docker-compose`; what it says. */
  async run(...args: string[]): Promise<string> {
    const files = ["docker-compose.yml", ...this.files].flatMap((file) => ["--file", resolve(ROOT, file)]);
    const argv = ["docker-compose", "--project-name", this.project, ...files, ...args];
    const { stdout } = await exec(argv, {
      env: {
        DOCKER_HOST: this.engine.host,
        DOCKER_SOCKET: this.engine.socket,
        CHAOSLAB_HOME: `${this.engine.scratch}/state`,
        CHAOSLAB_TOKEN: TOKEN,
        CHAOSLAB_TOXIPROXY_TOKEN: TOKEN,
        POSTGRES_PASSWORD,
      },
      timeoutMs: 60_000,
    });
    return stdout;
  }

  /** By name of their service. */
  async containers(): Promise<Map<string, Container>> {
    const filter = encodeURIComponent(
      JSON.stringify({ label: [`com.docker.compose.project=${this.project}`] }),
    );
    const listed = (await this.#ask(`/containers/json?all=1&filters=${filter}`)) as { Id: string }[];
    const all = await Promise.all(
      listed.map(async ({ Id }) => (await this.#ask(`/containers/${Id}/json`)) as Container),
    );
    return new Map(all.map((each) => [each.Config.Labels["com.docker.compose.service"] ?? "", each]));
  }

  async container(service: string): Promise<Container> {
    const found = (await this.containers()).get(service);
    if (!found) throw new Error(`no container of ${service}`);
    return found;
  }

  /** Names of the containers, networks and volumes that this project has on the engine. */
  async left(): Promise<string[]> {
    const label = `label=com.docker.compose.project=${this.project}`;
    const all = await Promise.all([
      this.engine.docker("ps", "--all", "--filter", label, "--format", "{{.Names}}"),
      this.engine.docker("network", "ls", "--filter", label, "--format", "{{.Name}}"),
      this.engine.docker("volume", "ls", "--filter", label, "--format", "{{.Name}}"),
    ]);
    return all.flatMap((text) => text.split("\n")).filter(Boolean);
  }

  async #ask(path: string): Promise<unknown> {
    const answer = await fetch(`http://engine${path}`, { unix: this.engine.socket });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}

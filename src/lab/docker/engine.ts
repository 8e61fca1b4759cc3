/**
 * The Docker Engine's API over its unix socket: the few calls that a lab of containers needs.
 * @module
 */
import { existsSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ChaoslabError, reasonOf } from "../../cli/errors.ts";

const DEFAULT_SOCKET = "/var/run/docker.sock";
const TIMEOUT_MS = 5_000;

/** Labels that compose gives its containers. */
export const SERVICE_LABEL = "com.docker.compose.service";
export const PROJECT_LABEL = "com.docker.compose.project";
/** Those of `docker compose run` have another value. */
export const NOT_ONEOFF = "com.docker.compose.oneoff=False";

const Text = Type.String();

const Listed = Type.Object({ Id: Text, Names: Type.Array(Text), Labels: Type.Record(Text, Text) });
const Mount = Type.Object({
  /** Path on the engine's host; empty for some kinds. */
  Source: Type.Optional(Text),
  Destination: Text,
  Type: Text,
});
const Inspected = Type.Object({
  Id: Text,
  Name: Text,
  RestartCount: Type.Integer(),
  State: Type.Object({
    /** `created`, `running`, `restarting`, `exited`, ... */
    Status: Text,
    Running: Type.Boolean(),
    Paused: Type.Boolean(),
    /** 0 when it does not run. */
    Pid: Type.Integer(),
    ExitCode: Type.Integer(),
    StartedAt: Text,
    FinishedAt: Text,
    Health: Type.Optional(Type.Union([Type.Object({ Status: Text }), Type.Null()])),
  }),
  Config: Type.Object({
    Env: Type.Union([Type.Array(Text), Type.Null()]),
    Labels: Type.Record(Text, Text),
    StopSignal: Type.Optional(Text),
  }),
  HostConfig: Type.Object({
    NetworkMode: Text,
    RestartPolicy: Type.Object({ Name: Text }),
  }),
  Mounts: Type.Array(Mount),
  NetworkSettings: Type.Object({
    Networks: Type.Record(
      Text,
      Type.Object({ NetworkID: Text, IPAddress: Text, IPPrefixLen: Type.Integer(), MacAddress: Text }),
    ),
  }),
});

/** A container as the engine lists it. */
export type Listed = Static<typeof Listed>;
/** A container in full; fields are the engine's own (Docker Engine API, ContainerInspect). */
export type Container = Static<typeof Inspected>;

/** Path of the engine's socket: that of $DOCKER_HOST, else the usual one. @throws {ChaoslabError} `usage`. */
export function engineSocket(host = process.env.DOCKER_HOST): string {
  if (!host) return DEFAULT_SOCKET;
  if (host.startsWith("unix://")) return host.slice("unix://".length);
  throw new ChaoslabError(
    "usage",
    `DOCKER_HOST: ${host}: only an engine of this host can be disturbed`,
    "unix:///path/of/docker.sock is accepted",
  );
}

/** The engine of a recorded socket. A controller in a container has it at another path: then that of this place is meant. */
export const engineOf = (socket: string): Engine => new Engine(existsSync(socket) ? socket : engineSocket());

/** A node that is not there is stopped. That it cannot be looked for is another matter. */
export function nullIfGone(error: unknown): null {
  if (error instanceof ChaoslabError && error.kind === "notFound") return null;
  throw error;
}

export class Engine {
  constructor(readonly socket: string) {}

  /** Every container, running or not, that has all of these labels (`key` or `key=value`). */
  list(labels: readonly string[]): Promise<Listed[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: labels }));
    return this.#get(`/containers/json?all=true&filters=${filters}`, Type.Array(Listed));
  }

  /** By id or name. @throws {ChaoslabError} `notFound`. */
  inspect(container: string): Promise<Container> {
    return this.#get(`/containers/${encodeURIComponent(container)}/json`, Inspected);
  }

  /** The last lines that it has written, stdout and stderr together. */
  async logs(container: string, lines: number): Promise<string[]> {
    const query = `stdout=true&stderr=true&tail=${lines}`;
    const answer = await this.#ask(`/containers/${encodeURIComponent(container)}/logs?${query}`);
    return framesToText(new Uint8Array(await answer.arrayBuffer()))
      .split("\n")
      .filter((line) => line !== "")
      .slice(-lines);
  }

  async #get<S extends typeof Inspected | ReturnType<typeof Type.Array<typeof Listed>>>(
    path: string,
    schema: S,
  ): Promise<Static<S>> {
    const answer: unknown = await (await this.#ask(path)).json();
    const wrong = Value.Errors(schema, answer).First();
    if (!wrong) return answer as Static<S>;
    throw new ChaoslabError("internal", `docker: ${path}: unknown answer: ${wrong.path} ${wrong.message}`);
  }

  async #ask(path: string): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(`http://docker${path}`, {
        unix: this.socket,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      throw new ChaoslabError(
        "prerequisite",
        `docker: no engine answers at ${this.socket}: ${reasonOf(error)}`,
        "is it running? DOCKER_HOST=unix:///path names another socket",
      );
    }
    if (answer.ok) return answer;
    const said = ((await answer.json().catch(() => ({}))) as { message?: string }).message;
    const kind = answer.status === 404 ? "notFound" : "internal";
    throw new ChaoslabError(kind, `docker: ${said ?? `${path} answered ${answer.status}`}`);
  }
}

/**
 * Logs of a container without a terminal come in frames: stream (1 byte), 3 bytes of zero, length (4 bytes, big endian),
 * then so many bytes (Docker Engine API, ContainerAttach).
 */
export function framesToText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isFramed = bytes.length >= 8 && (bytes[0] ?? 9) <= 2 && bytes[1] === 0 && bytes[2] === 0;
  if (!isFramed) return new TextDecoder().decode(bytes);
  const parts: Uint8Array[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4);
    parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}

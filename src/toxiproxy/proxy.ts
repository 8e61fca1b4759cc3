/**
 * One proxy: a listener, its toxics and its connections.
 * @module
 */
import type { Socket, TCPSocketListener } from "bun";
import { type Address, formatAddress } from "../cli/address.ts";
import { codeOf, reasonOf } from "../cli/errors.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { ENDPOINT_HANDLERS, type Endpoint } from "./endpoint.ts";
import { ListenError } from "./errors.ts";
import { DIRECTIONS, type Direction, type Toxic } from "./toxic.ts";

export interface ProxySettings {
  /** As asked for, e.g. `localhost:0`. */
  listen: string;
  /** What it resolves to; port 0 for any free one. */
  bind: Address;
  upstream: string;
  upstreamAddress: Address;
}

/** In the words of the system that refused; Go's wording, which clients of Toxiproxy know. */
const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: "bind: address already in use",
  EADDRNOTAVAIL: "bind: cannot assign requested address",
  EACCES: "bind: permission denied",
};

export class TcpProxy implements ConnectionOwner {
  toxics: readonly Toxic[] = [];
  readonly received: Record<Direction, number> = { upstream: 0, downstream: 0 };
  readonly sent: Record<Direction, number> = { upstream: 0, downstream: 0 };
  /** Connections accepted since the proxy was made. */
  accepted = 0;
  upstreamFailures = 0;
  #settings: ProxySettings;
  #listener: TCPSocketListener<Endpoint> | null = null;
  readonly #connections = new Set<Connection>();

  constructor(
    readonly name: string,
    settings: ProxySettings,
    readonly seed: number,
  ) {
    this.#settings = settings;
  }

  /** The resolved address once the proxy was started, e.g. `127.0.0.1:41233`. */
  get listen(): string {
    return this.#settings.listen;
  }

  get upstream(): string {
    return this.#settings.upstream;
  }

  get enabled(): boolean {
    return this.#listener !== null;
  }

  /** Connections open now. */
  get open(): number {
    return this.#connections.size;
  }

  /** Listens. Does nothing when it does already. */
  start(): void {
    if (this.#listener) return;
    const { bind } = this.#settings;
    try {
      this.#listener = Bun.listen<Endpoint>({
        hostname: bind.host,
        port: bind.port,
        allowHalfOpen: true,
        socket: { ...ENDPOINT_HANDLERS, open: (socket) => this.#accept(socket) },
      });
    } catch (error) {
      const code = codeOf(error) ?? "";
      throw new ListenError(formatAddress(bind), WHY[code] ?? reasonOf(error), code === "EADDRINUSE");
    }
    const bound = { host: bind.host, port: this.#listener.port };
    this.#settings = { ...this.#settings, bind: bound, listen: formatAddress(bound) };
  }

  /** Closes the listener and every connection. */
  stop(): void {
    this.#listener?.stop();
    this.#listener = null;
    for (const connection of [...this.#connections]) connection.destroy();
  }

  /** A change of address closes every connection. */
  configure(settings: ProxySettings, enabled: boolean): void {
    if (settings.listen !== this.listen || settings.upstream !== this.upstream) {
      this.stop();
      this.#settings = settings;
    }
    if (enabled) this.start();
    else this.stop();
  }

  find(toxic: string): Toxic | undefined {
    return this.toxics.find((each) => each.name === toxic);
  }

  add(toxic: Toxic): void {
    this.toxics = [...this.toxics, toxic];
    for (const connection of [...this.#connections]) connection.link(toxic.stream)?.add(toxic);
  }

  update(toxic: Toxic, change: Pick<Toxic, "attributes" | "toxicity">): void {
    toxic.attributes = change.attributes;
    toxic.toxicity = change.toxicity;
    for (const connection of [...this.#connections]) connection.link(toxic.stream)?.update(toxic);
  }

  remove(toxic: Toxic): void {
    this.toxics = this.toxics.filter((each) => each !== toxic);
    for (const connection of [...this.#connections]) connection.link(toxic.stream)?.remove(toxic);
  }

  gone(connection: Connection): void {
    this.#connections.delete(connection);
  }

  describe() {
    // Toxiproxy lists them by direction, each in the order of its chain.
    const toxics = DIRECTIONS.flatMap((stream) => this.toxics.filter((toxic) => toxic.stream === stream));
    const { name, listen, upstream, enabled } = this;
    return { name, listen, upstream, enabled, toxics: toxics.map(describeToxic) };
  }

  #accept(socket: Socket<Endpoint>): void {
    const connection = new Connection(this, this.accepted++);
    this.#connections.add(connection);
    connection.open(socket, this.#settings.upstreamAddress);
  }
}

export function describeToxic({ attributes, name, type, stream, toxicity, seed }: Toxic) {
  return { attributes, name, type: type.type, stream, toxicity, ...(seed === undefined ? {} : { seed }) };
}

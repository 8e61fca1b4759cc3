/**
 * One accepted client, its connection to the upstream, and the two links between them.
 * @module
 */
import type { Socket } from "bun";
import type { Address } from "../cli/address.ts";
import { ENDPOINT_HANDLERS, Endpoint, type EndpointOwner } from "./endpoint.ts";
import { Link, type LinkOwner } from "./link.ts";
import type { Direction, Toxic } from "./toxic.ts";

/** After our FINs, a peer gets this long to send its own; then the socket is closed. */
const LINGER_MS = 1_000;

/** What a connection needs of its proxy. */
export interface ConnectionOwner {
  readonly name: string;
  readonly seed: number;
  readonly toxics: readonly Toxic[];
  readonly received: Record<Direction, number>;
  readonly sent: Record<Direction, number>;
  upstreamFailures: number;
  /** Both sockets are closed. */
  gone(connection: Connection): void;
}

export class Connection implements EndpointOwner, LinkOwner {
  readonly proxyName: string;
  readonly seed: number;
  readonly #owner: ConnectionOwner;
  readonly #client = new Endpoint(this);
  readonly #upstream = new Endpoint(this);
  /** Made when the upstream has answered. */
  #links: Record<Direction, Link> | null = null;
  #finished = 0;
  #linger: NodeJS.Timeout | null = null;

  constructor(
    owner: ConnectionOwner,
    readonly connection: number,
  ) {
    this.#owner = owner;
    this.proxyName = owner.name;
    this.seed = owner.seed;
  }

  /** Takes the accepted client, and connects to the upstream before reading from it. */
  open(client: Socket<Endpoint>, { host, port }: Address): void {
    client.data = this.#client;
    this.#client.pause();
    this.#client.attach(client);
    const open = (socket: Socket<Endpoint>): void => this.#connected(socket);
    Bun.connect<Endpoint>({
      hostname: host === "" ? "127.0.0.1" : host,
      port,
      allowHalfOpen: true,
      data: this.#upstream,
      socket: { ...ENDPOINT_HANDLERS, open, connectError: () => {} },
    }).catch(() => {
      if (this.#links) return;
      this.#owner.upstreamFailures++;
      this.destroy();
    });
  }

  /** Links that exist, of one direction. */
  link(direction: Direction): Link | undefined {
    return this.#links?.[direction];
  }

  /** Closes both sockets at once. */
  destroy(): void {
    this.#client.close();
    this.#upstream.close();
  }

  reset(): void {
    this.#links?.upstream.discard();
    this.#links?.downstream.discard();
    this.#client.reset();
    this.#upstream.reset();
  }

  /** The sink gets a FIN after what it was given, and the other direction ends as if its source had. */
  cut(link: Link): void {
    link.discard();
    link.sink.end();
    this.#opposite(link).sourceEnded();
  }

  passed(direction: Direction, bytes: number): void {
    this.#owner.sent[direction] += bytes;
  }

  received(endpoint: Endpoint, bytes: Uint8Array): void {
    const link = this.#from(endpoint);
    if (!link) return;
    this.#owner.received[link.direction] += bytes.length;
    link.received(bytes);
  }

  ended(endpoint: Endpoint): void {
    this.#from(endpoint)?.sourceEnded();
  }

  drained(endpoint: Endpoint): void {
    const from = this.#from(endpoint);
    if (from) this.#opposite(from).balance();
  }

  finished(): void {
    if (++this.#finished < 2) return;
    this.#linger = setTimeout(() => this.destroy(), LINGER_MS);
  }

  closed(endpoint: Endpoint): void {
    const from = this.#from(endpoint);
    // Nobody is left to write to.
    if (from) this.#opposite(from).discard();
    // Without links nothing connects the two: the one goes with the other.
    else (endpoint === this.#client ? this.#upstream : this.#client).close();
    if (!this.#client.closed || !this.#upstream.closed) return;
    if (this.#linger) clearTimeout(this.#linger);
    this.#linger = null;
    this.#links?.upstream.discard();
    this.#links?.downstream.discard();
    this.#owner.gone(this);
  }

  #connected(socket: Socket<Endpoint>): void {
    this.#upstream.attach(socket);
    if (this.#upstream.closed) return;
    const toxics = (direction: Direction): Toxic[] =>
      this.#owner.toxics.filter((toxic) => toxic.stream === direction);
    this.#links = {
      upstream: new Link("upstream", this.#client, this.#upstream, this, toxics("upstream")),
      downstream: new Link("downstream", this.#upstream, this.#client, this, toxics("downstream")),
    };
    this.#client.resume();
  }

  #from(source: Endpoint): Link | undefined {
    return source === this.#client ? this.#links?.upstream : this.#links?.downstream;
  }

  #opposite(link: Link): Link {
    if (!this.#links) throw new Error("a link of a connection without links");
    return link.direction === "upstream" ? this.#links.downstream : this.#links.upstream;
  }
}

/**
 * Where a name leads.
 * @module
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Outcome } from "../model/load.ts";
import { type PlainSocket, sockets } from "./sockets.ts";
import type { Wire, WireUser } from "./wire.ts";

/** How long an answer of the resolver is used at most; it is asked again at once when nobody lets us in. */
const RESOLVED_FOR_MS = 5_000;

type Lookup = (hostname: string) => Promise<readonly string[]>;

const addressesOf: Lookup = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/** A name's addresses, in the resolver's order. The first that lets somebody in is used from then on, until it does not. */
export class Place {
  readonly #hostname: string;
  readonly #lookup: Lookup;
  readonly port: number;
  #addresses: readonly string[];
  #preferred = 0;
  #freshUntil: number;
  #resolving: Promise<void> | null = null;

  constructor(hostname: string, port: number, resolver: Lookup = addressesOf) {
    this.#hostname = hostname;
    this.#lookup = resolver;
    this.port = port;
    const isAddress = isIP(hostname) !== 0;
    this.#addresses = isAddress ? [hostname] : [];
    this.#freshUntil = isAddress ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /** Begins to connect; the user hears of it through `onOpen` or `onFailed`, after this has returned. */
  connect(user: WireUser): Wire {
    return new Attempt(this, user);
  }

  /** Goes on once the addresses are known: at once when they are. */
  resolved(goOn: () => void): void {
    if (performance.now() < this.#freshUntil) {
      goOn();
      return;
    }
    this.#resolving ??= this.#resolve();
    this.#resolving.then(goOn);
  }

  /** All addresses, the preferred first. */
  addresses(): string[] {
    return [...this.#addresses.slice(this.#preferred), ...this.#addresses.slice(0, this.#preferred)];
  }

  /** Has the name looked up again, for the next attempt. */
  forget(): void {
    if (isIP(this.#hostname) === 0) this.#freshUntil = Number.NEGATIVE_INFINITY;
  }

  prefer(address: string): void {
    this.#preferred = Math.max(0, this.#addresses.indexOf(address));
  }

  async #resolve(): Promise<void> {
    try {
      this.#addresses = await this.#lookup(this.#hostname);
      this.#preferred = 0;
      this.#freshUntil = performance.now() + RESOLVED_FOR_MS;
    } catch {
      // Those of before are better than none.
    }
    this.#resolving = null;
  }
}

/** An attempt to connect: one address after the other. */
class Attempt implements Wire, WireUser {
  readonly #place: Place;
  readonly #user: WireUser;
  #socket: PlainSocket | null = null;
  #address = "";
  #left: string[] = [];
  #cancelled = false;

  constructor(place: Place, user: WireUser) {
    this.#place = place;
    this.#user = user;
    place.resolved(() => {
      this.#left = place.addresses();
      this.#next("connect");
    });
  }

  /** @param outcome of the last try. */
  #next(outcome: Outcome): void {
    if (this.#cancelled) return;
    const address = this.#left.shift();
    if (address === undefined) {
      // It may have moved.
      this.#place.forget();
      this.#user.onFailed(outcome);
      return;
    }
    this.#address = address;
    this.#socket = sockets().connect(address, this.#place.port, this);
  }

  write(): number {
    return -1;
  }

  terminate(): void {
    this.#cancelled = true;
    this.#socket?.terminate();
  }

  onOpen(wire: Wire): void {
    this.#place.prefer(this.#address);
    if (this.#socket) this.#socket.user = this.#user;
    this.#user.onOpen(wire);
  }

  onFailed(outcome: Outcome): void {
    this.#next(outcome);
  }

  onDefect(error: unknown): void {
    this.#user.onDefect(error);
  }

  // An attempt that has not opened has none of these.
  onData(): void {}
  onDrain(): void {}
  onClose(): void {}
}

/**
 * The proxies by name, and what the API does with them. Bodies are checked in full before anything changes,
 * and names are resolved before: a change itself is synchronous, so that requests cannot interleave.
 * @module
 */
import { parseAddress } from "../cli/address.ts";
import { resolveListen } from "./address.ts";
import {
  badBody,
  invalidStream,
  invalidToxicType,
  missingField,
  proxyExists,
  proxyNotFound,
  toxicExists,
  toxicNotFound,
} from "./errors.ts";
import { asFields, count, type Fields, flag, number, object, text } from "./fields.ts";
import { type ProxySettings, TcpProxy } from "./proxy.ts";
import { type Attributes, DIRECTIONS, type Toxic, type ToxicType } from "./toxic.ts";
import { TOXIC_TYPES } from "./toxics/registry.ts";

interface ProxyRequest {
  name: string;
  enabled: boolean;
  settings: ProxySettings;
}

export class Proxies {
  readonly #byName = new Map<string, TcpProxy>();

  /** @param seed of toxicity, jitter and slice sizes. */
  constructor(readonly seed: number) {}

  all(): TcpProxy[] {
    return [...this.#byName.values()];
  }

  get(name: string): TcpProxy {
    const proxy = this.#byName.get(name);
    if (!proxy) throw proxyNotFound();
    return proxy;
  }

  toxic(proxy: string, name: string): Toxic {
    const toxic = this.get(proxy).find(name);
    if (!toxic) throw toxicNotFound();
    return toxic;
  }

  async create(body: unknown): Promise<TcpProxy> {
    const request = await readProxy(asFields(body, "the body"), "");
    if (this.#byName.has(request.name)) throw proxyExists();
    return this.#start(request);
  }

  /**
   * Makes each proxy that is not there yet, with that name and those addresses; one of the same name and other
   * addresses is replaced. Nothing is changed when one of them is wrong. A port in use is only found out on the
   * way: `done` has what was made until then.
   */
  async populate(body: unknown, done: TcpProxy[]): Promise<void> {
    if (!Array.isArray(body)) throw badBody("the body must be a list of proxies");
    const requests: ProxyRequest[] = [];
    for (const [index, each] of body.entries()) {
      const place = ` at proxy ${index + 1}`;
      const request = await readProxy(asFields(each ?? {}, `the proxy${place}`), place);
      if (requests.some(({ name }) => name === request.name)) {
        throw badBody(`duplicate proxy name ${JSON.stringify(request.name)}`);
      }
      requests.push(request);
    }
    for (const request of requests) {
      const existing = this.#byName.get(request.name);
      if (existing && sameAddresses(existing, request.settings)) {
        done.push(existing);
        continue;
      }
      existing?.stop();
      done.push(this.#start(request));
    }
  }

  async configure(name: string, body: unknown): Promise<TcpProxy> {
    const before = this.get(name);
    const fields = asFields(body, "the body");
    const enabled = flag(fields, "enabled", before.enabled);
    const settings = await readSettings(
      text(fields, "listen", before.listen),
      text(fields, "upstream", before.upstream),
      "",
    );
    // It may have been removed while a name was resolved.
    const proxy = this.get(name);
    proxy.configure(settings, enabled);
    return proxy;
  }

  delete(name: string): void {
    this.get(name).stop();
    this.#byName.delete(name);
  }

  addToxic(proxyName: string, body: unknown): Toxic {
    const proxy = this.get(proxyName);
    const toxic = readToxic(asFields(body, "the body"), (name) => {
      if (proxy.find(name)) throw toxicExists();
    });
    proxy.add(toxic);
    return toxic;
  }

  /** Merges the attributes; name, type and stream stay. */
  updateToxic(proxyName: string, toxicName: string, body: unknown): Toxic {
    const toxic = this.toxic(proxyName, toxicName);
    const fields = asFields(body, "the body");
    const toxicity = number(fields, "toxicity", toxic.toxicity);
    const attributes = readAttributes(toxic.type, object(fields, "attributes"), toxic.attributes);
    this.get(proxyName).update(toxic, { attributes, toxicity });
    return toxic;
  }

  removeToxic(proxyName: string, toxicName: string): void {
    const toxic = this.toxic(proxyName, toxicName);
    this.get(proxyName).remove(toxic);
  }

  /** Enables every proxy and removes every toxic. */
  reset(): void {
    for (const proxy of this.all()) {
      proxy.start();
      for (const toxic of proxy.toxics) proxy.remove(toxic);
    }
  }

  stop(): void {
    for (const proxy of this.all()) proxy.stop();
  }

  #start({ name, enabled, settings }: ProxyRequest): TcpProxy {
    const proxy = new TcpProxy(name, settings, this.seed);
    if (enabled) proxy.start();
    this.#byName.set(name, proxy);
    return proxy;
  }
}

/** A free port asked for again is the one that was given. */
function sameAddresses(proxy: TcpProxy, { listen, bind, upstream }: ProxySettings): boolean {
  return (
    proxy.upstream === upstream && (proxy.listen === listen || proxy.listen === `${bind.host}:${bind.port}`)
  );
}

/** @param place where in the body, for the message. */
async function readProxy(fields: Fields, place: string): Promise<ProxyRequest> {
  const name = text(fields, "name", "");
  const listen = text(fields, "listen", "");
  const upstream = text(fields, "upstream", "");
  const enabled = flag(fields, "enabled", true);
  if (name === "") throw missingField(`name${place}`);
  return { name, enabled, settings: await readSettings(listen, upstream, place) };
}

async function readSettings(listen: string, upstream: string, place: string): Promise<ProxySettings> {
  if (upstream === "") throw missingField(`upstream${place}`);
  const upstreamAddress = parseAddress(upstream);
  if (typeof upstreamAddress === "string") {
    throw badBody(`upstream${place}: ${upstreamAddress}: ${JSON.stringify(upstream)}`);
  }
  return { listen, bind: await resolveListen(listen), upstream, upstreamAddress };
}

function readToxic(fields: Fields, checkName: (name: string) => void): Toxic {
  const typeName = text(fields, "type", "");
  const streamName = text(fields, "stream", "");
  const given = text(fields, "name", "");
  const toxicity = number(fields, "toxicity", 1);
  const seed = fields.seed === undefined ? {} : { seed: count(fields, "seed", 0) };
  // Any case, and empty for the default, as Toxiproxy reads it.
  const stream = DIRECTIONS.find((each) => each === (streamName.toLowerCase() || "downstream"));
  if (!stream) throw invalidStream();
  const type = TOXIC_TYPES.get(typeName);
  if (!type) throw invalidToxicType();
  const name = given === "" ? `${typeName}_${stream}` : given;
  checkName(name);
  const attributes = readAttributes(type, object(fields, "attributes"), {});
  return { name, type, stream, toxicity, attributes, met: { connections: 0, bytes: 0, ends: 0 }, ...seed };
}

function readAttributes(type: ToxicType, fields: Fields, before: Attributes): Attributes {
  return Object.fromEntries(type.attributes.map((name) => [name, count(fields, name, before[name] ?? 0)]));
}

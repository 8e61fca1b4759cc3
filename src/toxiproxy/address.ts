/** Where a proxy listens. @module */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type Address, parseAddress } from "../cli/address.ts";
import { reasonOf } from "../cli/errors.ts";
import { ListenError } from "./errors.ts";

/**
 * The address to bind. No host means loopback, where Toxiproxy means every interface: a proxy that the whole
 * network can use should be asked for by name (`0.0.0.0:80`).
 */
export async function resolveListen(text: string): Promise<Address> {
  const address = text === "" ? { host: "", port: 0 } : parseAddress(text);
  if (typeof address === "string") throw new ListenError(text, address, false);
  if (isIP(address.host)) return address;
  if (address.host === "" || address.host === "localhost") return { host: "127.0.0.1", port: address.port };
  try {
    const found = await lookup(address.host);
    return { host: found.address, port: address.port };
  } catch (error) {
    throw new ListenError(text, reasonOf(error), false);
  }
}

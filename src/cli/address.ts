/**
 * `host:port`: `127.0.0.1:80`, `localhost:80`, `[::1]:80`, `:80`.
 * @module
 */
import { isIP } from "node:net";

export interface Address {
  /** Without brackets; empty when none was given. */
  host: string;
  port: number;
}

/** Reads an address; a string says what is wrong with the text. */
export function parseAddress(text: string): Address | string {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text);
  if (!match)
    return /^[^:]*$/.test(text) ? "missing port in address" : "not an address such as 127.0.0.1:8080";
  const host = match[1] ?? match[2] ?? "";
  const digits = match[3] ?? "";
  const port = Number(digits);
  if (!/^\d{1,5}$/.test(digits) || port > 65_535) return "port is not a number from 0 to 65535";
  if (match[1] !== undefined && host !== "" && isIP(host) !== 6) return "not an IPv6 address in the brackets";
  // Only digits and dots, and no address: a resolver would be asked in vain.
  const named = /^[a-z0-9_][a-z0-9_.-]{0,252}$/i.test(host) && !/^[\d.]+$/.test(host);
  if (host !== "" && !isIP(host) && !named) return "not a host name";
  return { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/**
 * What a load asks for: request by request, a pure function of the index, independent of time and of the order in
 * which requests are made. Only what answers brought (captures) can make two runs differ.
 * @module
 */
import type { ClientRecord, OutcomeCounts } from "../model/load.ts";

/** Where requests go. One pool of connections each. */
export interface Origin {
  hostname: string;
  port: number;
  /** Null for plain HTTP. */
  tls: TlsOptions | null;
}

export interface TlsOptions {
  /** Name asked for by SNI and checked against the certificate. */
  serverName: string;
  /** Certificates to trust besides the system's, as PEM. */
  ca: string | null;
  /** False: take any certificate. */
  verify: boolean;
}

/** An answer, as far as the workload looks at it. */
export interface Answer {
  status: number;
  /** The answer says of itself that it is a degraded one. */
  degraded: boolean;
  /** Null unless the request asked for it by `wantsBody`. */
  body: Uint8Array | null;
  /** Status line and header lines, without the empty line; null like `body`. */
  head: string | null;
}

export interface WireRequest {
  /** Index into the workload's operations. */
  operation: number;
  /** Tenant index. */
  tenant: number;
  /** Index into the workload's origins. */
  origin: number;
  /** The request as it goes on the wire; a string only when it is all ASCII. */
  payload: string | Uint8Array;
  /** The answer's head and body are kept for `judge`. */
  wantsBody: boolean;
  /** A HEAD request: its answer has no body, whatever length it names. */
  isHead: boolean;
  /** Judges an answer, and keeps what it captures. Null: by its status alone. */
  judge: ((answer: Answer) => keyof OutcomeCounts) | null;
}

export interface Workload {
  readonly operations: readonly string[];
  /** How many tenants requests are made for; at least 1. */
  readonly tenants: number;
  readonly origins: readonly Origin[];
  /** The targets in words, for people. */
  readonly targets: readonly string[];
  /** Thresholds that the workload brings along, as `--threshold` takes them. */
  readonly slos: readonly string[];
  /** @param offsetMs when it is due, from the start: only for what is remembered of its answer. */
  request(index: number, offsetMs?: number): WireRequest;
  /** What answers have brought since the last call. Absent where nobody checks them. */
  takeRecord?(): ClientRecord;
  /** The request as tab-separated columns after its index and time, e.g. operation, tenant, path, body. */
  columns(index: number): readonly string[];
}

/** The origin of an http: or https: URL. */
export function originOf(url: URL, tls: Partial<Omit<TlsOptions, "serverName">> = {}): Origin {
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:";
  return {
    hostname,
    port: Number(url.port || (secure ? 443 : 80)),
    tls: secure ? { serverName: hostname, ca: null, verify: true, ...tls } : null,
  };
}

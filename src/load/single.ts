/**
 * The plainest workload: one request, again and again.
 * @module
 */
import { encodeRequest, type Header } from "./encode.ts";
import { originOf, type TlsOptions, type Workload } from "./workload.ts";

export interface SingleOptions {
  url: URL;
  method: string;
  headers: readonly Header[];
  body: Uint8Array | null;
  tls: Partial<Omit<TlsOptions, "serverName">>;
}

/** Throws RangeError when a method or a header cannot be on the wire. */
export function createSingleWorkload({ url, method, headers, body, tls }: SingleOptions): Workload {
  const path = `${url.pathname}${url.search}`;
  const payload = encodeRequest({ method, host: url.host, path, headers, body });
  const request = {
    operation: 0,
    tenant: 0,
    origin: 0,
    payload,
    wantsBody: false,
    isHead: method === "HEAD",
    judge: null,
  };
  return {
    operations: [`${method} ${path}`],
    tenants: 1,
    origins: [originOf(url, tls)],
    targets: [url.href],
    slos: [],
    request: () => request,
    columns: () => [method, url.href],
  };
}

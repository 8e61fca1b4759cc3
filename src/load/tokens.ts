/**
 * One bearer token per tenant, fetched before the load starts.
 * @module
 */
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import { tenantName } from "./mix.ts";

const PARALLEL = 16;

/** RFC 6750's b64token: also keeps a hostile answer from adding header lines. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

async function fetchToken(url: URL, tenant: number, timeoutMs: number): Promise<string | null> {
  const what = `POST ${url.href}`;
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tenant: tenantName(tenant) }),
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status === 404) return null;
    body = await response.json().catch(() => null);
  } catch (error) {
    const refused = codeOf(error) === "ECONNREFUSED" || codeOf(error) === "ConnectionRefused";
    const why = refused ? "connection refused" : reasonOf(error);
    throw new ChaoslabError("notFound", `load: cannot reach the target: ${what}: ${why}`, "is it running?");
  }
  const token = typeof body === "object" && body !== null && "token" in body ? body.token : undefined;
  if (!response.ok || typeof token !== "string" || !TOKEN.test(token)) {
    const hint = 'expected {"token": "..."}, or 404 from a target without authentication';
    throw new ChaoslabError("notFound", `load: ${what} answered ${response.status} without a token`, hint);
  }
  return token;
}

/**
 * Tokens by tenant index; null when the target has no `POST /token` (404) and the load goes without.
 * @throws ChaoslabError when the target cannot be reached or answers otherwise.
 */
export async function fetchTokens(target: URL, tenants: number, timeoutMs: number): Promise<string[] | null> {
  const url = new URL(`${target.pathname.replace(/\/+$/, "")}/token`, target);
  const first = await fetchToken(url, 0, timeoutMs);
  if (first === null) return null;
  const tokens = [first];
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next < tenants) {
      const tenant = next++;
      const token = await fetchToken(url, tenant, timeoutMs);
      if (token === null)
        throw new ChaoslabError("notFound", `load: no token for ${tenantName(tenant)} (404)`);
      tokens[tenant] = token;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return tokens;
}

/**
 * Access tokens: HS256 JWTs that name a tenant.
 * @module
 */
import { jwtVerify, SignJWT } from "jose";

export const TOKEN_LIFETIME_S = 3_600;

/** Verified tokens kept; at ~400 bytes each a few megabytes. */
const REMEMBERED = 10_000;

interface Verified {
  tenant: string;
  notBeforeMs: number;
  expiresMs: number;
}

export class Tokens {
  /** Checking a signature costs ten times what looking it up does. Its times are checked at every use. */
  readonly #verified = new Map<string, Verified>();

  private constructor(
    private readonly key: CryptoKey,
    private readonly nowMs: () => number,
    private readonly leewayMs: () => number,
  ) {}

  /**
   * @param secret at least 32 bytes (RFC 7518, 3.2).
   * @param nowMs time of day by which tokens are made and judged, Unix epoch milliseconds.
   * @param leewayMs how far a token's times may be off (RFC 7519, 4.1.4 and 4.1.5).
   */
  static async create(
    secret: string,
    nowMs: () => number = Date.now,
    leewayMs: () => number = () => 0,
  ): Promise<Tokens> {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const bytes = new TextEncoder().encode(secret);
    const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
    return new Tokens(key, nowMs, leewayMs);
  }

  issue(tenant: string): Promise<string> {
    const nowS = Math.floor(this.nowMs() / 1_000);
    return new SignJWT({ tenant })
      .setProtectedHeader({ alg: "HS256" })
      .setIssuedAt(nowS)
      .setNotBefore(nowS)
      .setExpirationTime(nowS + TOKEN_LIFETIME_S)
      .sign(this.key);
  }

  /** The tenant of a valid `Authorization` header; null for anything else. */
  async tenantOf(authorization: string | null): Promise<string | null> {
    if (!authorization?.startsWith("Bearer ")) return null;
    const token = authorization.slice(7);
    const known = this.#verified.get(token) ?? (await this.#verify(token));
    if (!known) return null;
    const now = this.nowMs();
    const leeway = this.leewayMs();
    if (known.notBeforeMs - leeway <= now && now < known.expiresMs + leeway) return known.tenant;
    this.#verified.delete(token);
    return null;
  }

  async #verify(token: string): Promise<Verified | null> {
    const options = {
      algorithms: ["HS256"],
      currentDate: new Date(this.nowMs()),
      clockTolerance: this.leewayMs() / 1_000,
    };
    const result = await jwtVerify(token, this.key, options).catch(() => null);
    const { tenant, exp, nbf = 0 } = result?.payload ?? {};
    if (typeof tenant !== "string" || exp === undefined) return null;
    const verified = { tenant, notBeforeMs: nbf * 1_000, expiresMs: exp * 1_000 };
    for (const oldest of this.#verified.keys()) {
      if (this.#verified.size < REMEMBERED) break;
      this.#verified.delete(oldest);
    }
    this.#verified.set(token, verified);
    return verified;
  }
}

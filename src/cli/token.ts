/** The bearer token of what we serve: demanded wherever others than this machine could ask. @module */
import { timingSafeEqual } from "node:crypto";
import { isLoopback } from "./address.ts";
import { ChaoslabError } from "./errors.ts";
import { type Flags, textFlag } from "./flags.ts";

const SHORTEST = 16;

/**
 * The token of `--token` or $CHAOSLAB_TOKEN; null: none.
 * @param flag the flag that named the host, for the error.
 * @param host where we are to listen; null: where no network reaches.
 * @throws ChaoslabError `usage` when one is needed and not given, or it is too short.
 */
export function readToken(flags: Flags, flag: string, host: string | null): string | null {
  const token = textFlag(flags, "token") ?? (process.env.CHAOSLAB_TOKEN || null);
  if (token === null && host !== null && !isLoopback(host)) {
    throw new ChaoslabError(
      "usage",
      `--${flag}: ${host} is not loopback, so a token is needed`,
      "--token or $CHAOSLAB_TOKEN",
    );
  }
  if (token !== null && token.length < SHORTEST)
    throw new ChaoslabError("usage", `--token: at least ${SHORTEST} characters are needed`);
  return token;
}

/** Whether the request may be answered. */
export function carriesToken(request: Request, token: string | null): boolean {
  if (token === null) return true;
  const given = Buffer.from(request.headers.get("authorization") ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

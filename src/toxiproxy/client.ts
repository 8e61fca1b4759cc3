/**
 * The official client, over a transport of ours: with a deadline, a token where one is needed, and errors that tell
 * what the server said.
 * @module
 */
import { readFileSync } from "node:fs";
import { Toxiproxy } from "toxiproxy-node-client";
import { HttpClient, type HttpResponse } from "toxiproxy-node-client/dist/HttpClient.js";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";

/** Long enough for a server on a busy host: it answers from memory. */
const TIMEOUT_MS = 5_000;

/** The server answered, and refused. */
export class Refused extends ChaoslabError {
  override readonly name = "Refused";
  constructor(
    readonly status: number,
    message: string,
  ) {
    super("labFailed", message);
  }
}

/** The server gave no answer. */
export class Unreachable extends ChaoslabError {
  override readonly name = "Unreachable";
  constructor(
    url: string,
    cause: unknown,
    /** Nothing listens there: whatever a server held, it died with it. */
    readonly nothingListens = ["ConnectionRefused", "ECONNREFUSED"].includes(codeOf(cause) ?? ""),
  ) {
    super("labFailed", `toxiproxy: ${url}: ${nothingListens ? "nothing listens there" : reasonOf(cause)}`);
  }
}

class Transport extends HttpClient {
  constructor(readonly token: string | null) {
    super();
  }

  override async get<T>(url: string): Promise<HttpResponse<T>> {
    return { data: (await this.#answer("GET", url)).json<T>() };
  }
  override async post<T>(url: string, body?: unknown): Promise<HttpResponse<T>> {
    return { data: (await this.#answer("POST", url, body)).json<T>() };
  }
  override async delete(url: string): Promise<void> {
    await this.#answer("DELETE", url);
  }
  override async getText(url: string): Promise<string> {
    return (await this.#answer("GET", url)).text;
  }

  async #answer(method: string, url: string, body?: unknown) {
    const { status, ok, text } = await this.#fetch(method, url, body);
    if (ok) return { text, json: <T>(): T => readJson(url, text) as T };
    const said = /"error": *"([^"]*)"/.exec(text)?.[1] ?? text.slice(0, 200);
    throw new Refused(status, `toxiproxy: ${method} ${url}: ${status} ${said}`);
  }

  async #fetch(method: string, url: string, body: unknown) {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (this.token !== null) headers.Authorization = `Bearer ${this.token}`;
    try {
      const answer = await fetch(url, {
        method,
        headers,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        // The server may be another one by the next request.
        keepalive: false,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, ok: answer.ok, text: await answer.text() };
    } catch (error) {
      throw new Unreachable(url, error);
    }
  }
}

function readJson(url: string, text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(200, `toxiproxy: ${url}: its answer is not JSON, so this is no Toxiproxy`);
  }
}

/**
 * @param tokenFile read at once; one that is gone is as good as none.
 * @param token sent instead of the file's.
 */
export function connectTo(url: string, tokenFile: string | null, token?: string): Toxiproxy {
  const toxiproxy = new Toxiproxy(url);
  toxiproxy.api = new Transport(token ?? (tokenFile === null ? null : readToken(tokenFile)));
  return toxiproxy;
}

function readToken(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** True when it was there, false when it was not. */
export async function removed(act: Promise<unknown>): Promise<boolean> {
  try {
    await act;
    return true;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return false;
    throw error;
  }
}

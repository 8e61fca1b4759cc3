/** Asking the controller. @module */
import type { Refusal } from "../wire.ts";

/** The controller said no, and why. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  constructor(
    readonly status: number,
    readonly refusal: Refusal,
  ) {
    super(refusal.hint ? `${refusal.error} (${refusal.hint})` : refusal.error);
  }
}

const TOKEN = "chaoslab-token";

/** For as long as the tab is open, and no other tab. */
export const token = {
  get: (): string | null => sessionStorage.getItem(TOKEN),
  set: (text: string): void => sessionStorage.setItem(TOKEN, text),
};

export interface AskOptions {
  method?: "GET" | "POST";
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

/** @throws {RefusedError} for any answer but a 2xx. */
export async function ask(
  path: string,
  { method = "GET", body, signal }: AskOptions = {},
): Promise<Response> {
  const headers = new Headers();
  const known = token.get();
  if (known !== null) headers.set("authorization", `Bearer ${known}`);
  if (body !== undefined) headers.set("content-type", "application/json");
  const answer = await fetch(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
  if (!answer.ok) throw new RefusedError(answer.status, await refusalOf(answer));
  return answer;
}

/** What the controller answers as JSON: its types are in wire.ts. */
export async function askJson<T>(path: string, options?: AskOptions): Promise<T> {
  return (await ask(path, options)).json();
}

async function refusalOf(answer: Response): Promise<Refusal> {
  const none = { error: `the controller answered ${answer.status}` };
  try {
    const said: Partial<Refusal> | null = await answer.json();
    return typeof said?.error === "string" ? { ...said, error: said.error } : none;
  } catch {
    return none;
  }
}

/** In one line, for whoever reads the page. */
export function reasonOf(error: unknown): string {
  if (error instanceof RefusedError) return error.message;
  return "the controller does not answer";
}

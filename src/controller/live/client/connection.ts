/** Keeps the page told: reads the events while the page can be seen, and begins again when it was cut off. @module */
import { EventReader, type ServerEvent } from "../sse.ts";
import { ask, RefusedError, reasonOf } from "./api.ts";
import { askForToken } from "./token.ts";

/** The controller says something every second. */
const SILENCE_MS = 5_000;
const AGAIN_MS = 1_000;

/** The state in which what the page shows is not old. */
export const LIVE = "live";

export interface ConnectionListener {
  event: (event: ServerEvent) => void;
  /** How the connection is, in words. */
  state: (words: string) => void;
}

/** Never ends. */
export async function stayConnected(listener: ConnectionListener): Promise<never> {
  for (;;) {
    await untilVisible();
    try {
      await read(listener);
      listener.state("cut off: trying again");
    } catch (error) {
      if (error instanceof RefusedError && error.status === 401) {
        listener.state("a token is needed");
        await askForToken();
        continue;
      }
      listener.state(
        document.hidden ? "paused while the page is hidden" : `${reasonOf(error)}: trying again`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** Until the stream ends, nothing more comes, or the page is hidden: nobody looks, so nothing is asked for. */
async function read({ event, state }: ConnectionListener): Promise<void> {
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  const whenHidden = (): void => {
    if (document.hidden) leave();
  };
  document.addEventListener("visibilitychange", whenHidden);
  let silence = setTimeout(leave, SILENCE_MS);
  try {
    const { body } = await ask("/live/events", { signal: leaving.signal });
    const reader = new EventReader();
    const decoder = new TextDecoder();
    const pieces = body?.getReader();
    for (;;) {
      const piece = await pieces?.read();
      if (!piece || piece.done) return;
      clearTimeout(silence);
      silence = setTimeout(leave, SILENCE_MS);
      state(LIVE);
      for (const each of reader.push(decoder.decode(piece.value, { stream: true }))) event(each);
    }
  } finally {
    clearTimeout(silence);
    document.removeEventListener("visibilitychange", whenHidden);
    leave();
  }
}

function untilVisible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });
}

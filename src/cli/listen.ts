/** Opening a server's address. @module */
import { rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { ChaoslabError, codeOf, reasonOf } from "./errors.ts";

/**
 * @param who names the command in an error.
 * @param at the address, for the error.
 * @throws ChaoslabError `addressInUse` when it is taken, `usage` when it cannot be listened on.
 */
export function listening<T>(who: string, at: string, serve: () => T): T {
  try {
    return serve();
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE")
      throw new ChaoslabError("addressInUse", `${who}: ${at} is already in use`);
    throw new ChaoslabError("usage", `${who}: cannot listen on ${at}: ${reasonOf(error)}`);
  }
}

/** Removes the socket that a server left which had no time to: one at which nobody listens. Anything else stays. */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path });
  socket.once("connect", () => resolve(false));
  socket.once("error", (error) => resolve(codeOf(error) === "ECONNREFUSED"));
  const isStale = await promise;
  socket.destroy();
  if (isStale) rmSync(path, { force: true });
}

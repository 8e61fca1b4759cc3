/** Opening a server's address. @module */
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

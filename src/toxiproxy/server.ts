/**
 * The Toxiproxy server: its API, and the proxies behind it.
 * @module
 */
import { readFileSync } from "node:fs";
import { formatAddress, isLoopback } from "../cli/address.ts";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import { createApi, MAX_BODY } from "./api.ts";
import { ApiError, ListenError } from "./errors.ts";
import { parseBody } from "./fields.ts";
import { Proxies } from "./proxies.ts";

export interface ServerOptions {
  /** Address of the API. Anything but loopback needs a token. */
  host: string;
  /** 0 for any free one. */
  port: number;
  seed: number;
  /** Asked of every request when given. */
  token?: string;
  /** A file with the list of proxies to begin with, as POST /populate takes it. */
  config?: string;
}

export interface ToxiproxyServer {
  readonly url: string;
  readonly proxies: Proxies;
  /** Closes the API, every proxy and every connection. */
  stop(): Promise<void>;
}

/** @throws ChaoslabError `usage`, `addressInUse` or `badConfig`; nothing is left listening then. */
export async function startToxiproxy(options: ServerOptions): Promise<ToxiproxyServer> {
  const { host, port, seed, token, config } = options;
  if (token === undefined && !isLoopback(host)) {
    throw new ChaoslabError(
      "usage",
      `--host: ${host} is not loopback, so a token is needed`,
      "--token or $CHAOSLAB_TOKEN",
    );
  }
  const proxies = new Proxies(seed);
  const server = listen(host, port, createApi(proxies, token ?? null));
  const stop = async (): Promise<void> => {
    proxies.stop();
    await server.stop(true);
  };
  try {
    if (config !== undefined) await populateFrom(config, proxies);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://${formatAddress({ host, port: server.port ?? port })}`, proxies, stop };
}

function listen(hostname: string, port: number, fetch: (request: Request) => Promise<Response>) {
  try {
    return Bun.serve({
      hostname,
      port,
      reusePort: false,
      development: false,
      // Above our own limit, which answers in the API's words.
      maxRequestBodySize: 4 * MAX_BODY,
      fetch,
    });
  } catch (error) {
    const address = formatAddress({ host: hostname, port });
    if (codeOf(error) === "EADDRINUSE") {
      throw new ChaoslabError(
        "addressInUse",
        `toxiproxy: ${address} is already in use`,
        "choose another --port",
      );
    }
    throw new ChaoslabError("usage", `toxiproxy: cannot listen on ${address}: ${reasonOf(error)}`);
  }
}

async function populateFrom(file: string, proxies: Proxies): Promise<void> {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "no such file" : reasonOf(error);
    throw new ChaoslabError("badConfig", `toxiproxy: ${file}: ${why}`);
  }
  try {
    await proxies.populate(parseBody(content), []);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const kind = error instanceof ListenError && error.inUse ? "addressInUse" : "badConfig";
    throw new ChaoslabError(kind, `toxiproxy: ${file}: ${error.message}`);
  }
}

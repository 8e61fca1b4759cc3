/**
 * How a service lives: listen, serve until told to stop, finish what is in flight, leave.
 * @module
 */
import type { AnyElysia } from "elysia";
import { Mitigations } from "../resilience/mitigations.ts";
import { Resilience } from "../resilience/resilience.ts";
import { Env } from "./config.ts";
import { Log, reasonOf } from "./log.ts";
import { Metrics } from "./metrics.ts";

/** The address could not be listened on. The message is one line, meant for the person who starts the service. */
export class ListenError extends Error {
  override readonly name = "ListenError";

  constructor(
    /** True when something else listens there already. */
    readonly inUse: boolean,
    message: string,
  ) {
    super(message);
  }
}

/** What a service is built from. */
export interface Node {
  env: Env;
  /** Name of this node in logs and metrics. */
  name: string;
  metrics: Metrics;
  log: Log;
  resilience: Resilience;
}

/** What a service hands back: its routes, and what must be closed after the last request. */
export interface Service {
  app: AnyElysia;
  close?: () => Promise<void> | void;
}

/** Requests in flight get this long to finish after SIGTERM; it must be less than Docker's 10 s before SIGKILL. */
const DRAIN_MS = 5_000;

/**
 * With the mitigation `draining` a node that is told to stop serves on for this long while it says that it is not ready:
 * callers that ask every 250 ms and wait up to 300 ms for the answer have noticed by then.
 */
const NOTICE_MS = 1_000;

/** Reads HOST, PORT and NODE_NAME, builds the service, and serves until SIGTERM or SIGINT. */
export async function serve(
  kind: string,
  defaultPort: number,
  values: Readonly<Record<string, string | undefined>>,
  build: (node: Node) => Service | Promise<Service>,
): Promise<void> {
  const env = new Env(kind, values);
  const hostname = env.text("HOST", "an address", "127.0.0.1");
  const port = env.integer("PORT", { min: 0, max: 65_535 }, defaultPort);
  const name = env.text("NODE_NAME", "a name", kind);
  const log = new Log(name);
  const metrics = new Metrics(name);
  const resilience = new Resilience(Mitigations.fromEnv(env), metrics);

  const service = await build({ env, name, metrics, log, resilience });
  const signal = stopSignal();
  try {
    const server = listen(service.app, kind, hostname, port);
    const mitigations = resilience.mitigations.names.join(",");
    log.info("listening", { host: hostname, port: server.port ?? port, pid: process.pid, mitigations });
    log.info("stopping", { signal: await signal, in_flight: metrics.inFlight });
    if (resilience.mitigations.on("draining")) {
      resilience.draining = true;
      await Bun.sleep(NOTICE_MS);
    }
    const drained = await stop(server);
    log.info("stopped", { drained });
  } finally {
    await service.close?.();
  }
}

type Server = NonNullable<AnyElysia["server"]>;

function listen(app: AnyElysia, kind: string, hostname: string, port: number): Server {
  try {
    app.listen({
      hostname,
      port,
      // Elysia shares ports by default: a second service would start and silently take half of the requests.
      reusePort: false,
      // A server that hangs up by itself is a timeout, and this system has none.
      idleTimeout: 0,
      development: false,
    });
  } catch (error) {
    const address = `${hostname}:${port}`;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EADDRINUSE") throw new ListenError(true, `${kind}: ${address} is already in use`);
    throw new ListenError(false, `${kind}: cannot listen on ${address}: ${reasonOf(error)}`);
  }
  if (!app.server) throw new ListenError(false, `${kind}: no server was started`);
  return app.server;
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}

/** Stops accepting and waits for requests in flight; true when all of them were answered in time. */
async function stop(server: Server): Promise<boolean> {
  const deadline = Promise.withResolvers<false>();
  const timer = setTimeout(() => deadline.resolve(false), DRAIN_MS);
  const drained = await Promise.race([server.stop(false).then(() => true), deadline.promise]);
  clearTimeout(timer);
  if (!drained) await server.stop(true);
  return drained;
}

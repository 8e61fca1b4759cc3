/** `chaoslab chaos` */
import { existsSync, rmSync } from "node:fs";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { type Flags, numberFlag, textFlag } from "../cli/flags.ts";
import { listening } from "../cli/listen.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { readToken } from "../cli/token.ts";
import { controller } from "../controller/app.ts";
import { Observer } from "../controller/observer.ts";
import { Keeper } from "../faults/keeper.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { checkLabName } from "../lab/host/record.ts";
import { readyLab } from "./inject.ts";

/** No request of the API is near this. */
const MAX_BODY_BYTES = 64 * 1024;

export async function run(_args: string[], flags: Flags): Promise<number> {
  const hostname = textFlag(flags, "host") ?? "127.0.0.1";
  const port = numberFlag(flags, "port", 8666, { min: 0, max: 65_535, integer: true });
  const unix = textFlag(flags, "socket");
  const token = readToken(flags, "host", unix === undefined ? hostname : null);
  requireRoot("the controller");
  const lab = readyLab(checkLabName(textFlag(flags, "lab") ?? "lab"));
  const { signal, dispose } = abortOnSignals();
  try {
    await using keeper = await Keeper.start(lab.paths.journal);
    using observer = new Observer(async () => {
      // A lab that was taken down under us has no route any more.
      if (!existsSync(`/sys/class/net/${lab.topology.hostDevice}`))
        throw new ChaoslabError("labFailed", "the lab is gone");
      return await (await fetch(`${lab.apiUrl}/metrics`, { signal: AbortSignal.timeout(900) })).text();
    });
    const app = controller({
      lab,
      keeper,
      observer,
      token,
      schedulesDir: textFlag(flags, "schedules") ?? "schedules",
      resultsDir: textFlag(flags, "results") ?? "results",
    });
    const fetchHandler = (request: Request): Response | Promise<Response> => app.fetch(request);
    const server = listen(unix, hostname, port, fetchHandler);
    const where = unix ?? `http://${hostname}:${server.port}`;
    process.stderr.write(`controller of lab ${lab.name} at ${where}${token ? ", token needed" : ""}\n`);
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    process.stderr.write("reverting every fault of this controller\n");
    await server.stop(true);
    if (unix !== undefined) rmSync(unix, { force: true });
    return ExitCode.ok;
  } finally {
    dispose();
  }
}

function listen(
  unix: string | undefined,
  hostname: string,
  port: number,
  fetch: (request: Request) => Response | Promise<Response>,
) {
  const common = { fetch, maxRequestBodySize: MAX_BODY_BYTES, development: false };
  if (unix !== undefined) return listening("chaos", unix, () => Bun.serve({ ...common, unix }));
  // A revert may wait minutes for the recovery.
  return listening("chaos", `${hostname}:${port}`, () =>
    Bun.serve({ ...common, hostname, port, idleTimeout: 255 }),
  );
}

/** `chaoslab chaos` */
import { rmSync } from "node:fs";
import { formatAddress, isLoopback } from "../cli/address.ts";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { type Flags, numberFlag, textFlag } from "../cli/flags.ts";
import { listening, removeStaleSocket } from "../cli/listen.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { readToken } from "../cli/token.ts";
import { controller } from "../controller/app.ts";
import { Live } from "../controller/live/live.ts";
import { Observer } from "../controller/observer.ts";
import { ownFaults } from "../faults/journal.ts";
import { Keeper } from "../faults/keeper.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { readyLab } from "../lab/ready.ts";
import type { FaultEvent } from "../model/fault.ts";

/** No request of the API is near this. */
const MAX_BODY_BYTES = 64 * 1024;

export async function run(_args: string[], flags: Flags): Promise<number> {
  const hostname = textFlag(flags, "host") ?? "127.0.0.1";
  const port = numberFlag(flags, "port", 8666, { min: 0, max: 65_535, integer: true });
  const unix = textFlag(flags, "socket");
  const token = readToken(flags, "host", unix === undefined ? hostname : null);
  requireRoot("the controller");
  const lab = await readyLab(textFlag(flags, "lab"));
  const { signal, dispose } = abortOnSignals();
  const keeper = await Keeper.start(lab.paths.journal);
  let before: readonly FaultEvent[] = [];
  try {
    const observer = new Observer();
    using live = new Live(lab, keeper, observer);
    const app = controller({
      lab,
      keeper,
      observer,
      live,
      token,
      // No browser reaches a socket, and a token is what no page has.
      hosts: unix === undefined && token === null ? isLoopback : null,
      schedulesDir: textFlag(flags, "schedules") ?? "schedules",
      resultsDir: textFlag(flags, "results") ?? "results",
    });
    const server = await listen(unix, hostname, port, (request) => app.fetch(request));
    const where = unix ?? `http://${formatAddress({ host: hostname, port: server.port ?? port })}`;
    process.stderr.write(`controller of lab ${lab.name} at ${where}${token ? ", token needed" : ""}\n`);
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    process.stderr.write("reverting every fault of this controller\n");
    before = [...keeper.past];
    await server.stop(true);
    if (unix !== undefined) rmSync(unix, { force: true });
  } finally {
    await keeper[Symbol.asyncDispose]();
    dispose();
  }
  const remaining = keeper.past.filter((event) => event.gone === false && !before.includes(event));
  const left = [...ownFaults(lab.paths.journal).map(({ event }) => event), ...remaining];
  if (left.length === 0) return ExitCode.ok;
  const names = left.map(({ id, fault_type, target }) => `${id} (${fault_type} on ${target})`);
  const hint = "chaoslab revert --all tries again";
  throw new ChaoslabError("labFailed", `still in force: ${names.join(", ")}`, hint);
}

async function listen(
  unix: string | undefined,
  hostname: string,
  port: number,
  answer: (request: Request) => Response | Promise<Response>,
) {
  // A revert may wait minutes for the recovery. An object of its own, as the type has no such option for a socket.
  const patience: object = { idleTimeout: 255 };
  const common = { ...patience, fetch: answer, maxRequestBodySize: MAX_BODY_BYTES, development: false };
  if (unix === undefined) {
    const at = formatAddress({ host: hostname, port });
    // Without `development`, Bun lets another server have the port too, unless told not to.
    return listening("chaos", at, () => Bun.serve({ ...common, hostname, port, reusePort: false }));
  }
  await removeStaleSocket(unix);
  // Whoever may write to the socket may inject.
  const umask = process.umask(0o177);
  try {
    return listening("chaos", unix, () => Bun.serve({ ...common, unix }));
  } finally {
    process.umask(umask);
  }
}

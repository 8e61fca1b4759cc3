import { once } from "node:events";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { type Flags, numberFlag, textFlag } from "../cli/flags.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { type ServerOptions, startToxiproxy } from "../toxiproxy/server.ts";

/** Serves the Toxiproxy API until it is told to stop. */
export async function run(_args: string[], flags: Flags): Promise<number> {
  const options = readOptions(flags);
  const signals = abortOnSignals();
  try {
    const server = await startToxiproxy(options);
    process.stdout.write(`toxiproxy: listening on ${server.url}, seed ${options.seed}\n`);
    for (const proxy of server.proxies.all()) {
      const state = proxy.enabled ? "" : " (disabled)";
      process.stdout.write(`toxiproxy: ${proxy.name}: ${proxy.listen} -> ${proxy.upstream}${state}\n`);
    }
    if (!signals.signal.aborted) await once(signals.signal, "abort");
    await server.stop();
    return ExitCode.ok;
  } finally {
    signals.dispose();
  }
}

function readOptions(flags: Flags): ServerOptions {
  const token = textFlag(flags, "token") ?? (process.env.CHAOSLAB_TOKEN || undefined);
  if (token !== undefined && !/^[\x21-\x7e]{16,}$/.test(token)) {
    throw new ChaoslabError("usage", "--token: at least 16 printable characters without a space are needed");
  }
  const config = textFlag(flags, "config");
  return {
    host: textFlag(flags, "host") ?? "127.0.0.1",
    port: numberFlag(flags, "port", 8474, { min: 0, max: 65_535, integer: true }),
    seed: numberFlag(flags, "seed", 1, { min: 0, max: 2 ** 32 - 1, integer: true }),
    ...(token === undefined ? {} : { token }),
    ...(config === undefined ? {} : { config }),
  };
}

/** Ctrl-C and SIGTERM as an AbortSignal, so that every exit path is the same one. @module */

export interface SignalScope {
  signal: AbortSignal;
  dispose(): void;
}

/** Aborts on SIGINT, SIGTERM or SIGHUP. Further signals change nothing: undoing goes on to its end. */
export function abortOnSignals(): SignalScope {
  const controller = new AbortController();
  const abort = (name: NodeJS.Signals): void => controller.abort(name);
  const names: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of names) process.on(name, abort);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of names) process.off(name, abort);
    },
  };
}

/**
 * The process behind a lab: boots it, keeps its nodes running, and takes it down when its owner dies or closes
 * the pipe on stdin. After a line "detach" it lives on its own until SIGTERM.
 */
import { appendFileSync, existsSync, rmSync } from "node:fs";
import { ChaoslabError, ExitCode, type ExitKind, reasonOf } from "../../cli/errors.ts";
import { type BootStep, boot } from "../../lab/host/boot.ts";
import type { LabWish, SupervisorMessage } from "../../lab/host/lab.ts";
import { hostRoutes } from "../../lab/host/network.ts";
import { checkHost } from "../../lab/host/prerequisites.ts";
import {
  checkLabName,
  FOLDERS_UMASK,
  LabPaths,
  type LabRecord,
  reserveLab,
  topologyOf,
  writeRecord,
} from "../../lab/host/record.ts";
import type { Supervisor } from "../../lab/host/supervisor.ts";
import { teardown } from "../../lab/host/teardown.ts";
import { writeMitigations } from "../../lab/mitigations.ts";

function tell(message: SupervisorMessage): void {
  try {
    process.stdout.write(`${JSON.stringify(message)}\n`);
  } catch {
    // The owner is gone; stdin's end says the same and is acted upon.
  }
}

/** @param also what failed after it. */
function tellError(error: unknown, also: unknown = null): void {
  if (also !== null) {
    const exit: ExitKind = error instanceof ChaoslabError ? error.kind : "internal";
    tell({ kind: "error", exit, message: `${reasonOf(error)}; ${reasonOf(also)}`, hint: null });
    return;
  }
  const known = error instanceof ChaoslabError ? error : null;
  const exit: ExitKind = known?.kind ?? "internal";
  tell({ kind: "error", exit, message: known?.message ?? reasonOf(error), hint: known?.hint ?? null });
}

/** Resolves when the owner asks for the end: "down" when stdin closes without the word "detach". */
async function ownerLeft(onDetach: () => void): Promise<"down" | "detached"> {
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of Bun.stdin.stream()) {
    said += decoder.decode(chunk, { stream: true });
    if (said.includes("detach\n")) {
      onDetach();
      return "detached";
    }
  }
  return "down";
}

export async function run(args: string[]): Promise<number> {
  process.umask(FOLDERS_UMASK);
  const name = checkLabName(args[0] ?? "");
  const paths = new LabPaths(name);
  const log = (message: string): void => {
    if (existsSync(paths.dir))
      appendFileSync(paths.log("supervisor"), `${new Date().toISOString()} ${message}\n`);
  };
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {});
  process.stdout.on("error", () => {});

  const started = performance.now();
  const end = Promise.withResolvers<"terminated" | "down">();
  process.on("SIGTERM", () => end.resolve("terminated"));
  void ownerLeft(() => log("detached")).then((how) => {
    if (how === "down") end.resolve("down");
  });

  let record: LabRecord;
  try {
    const { mitigations = [], ...choices } = JSON.parse(args[1] ?? "{}") as LabWish;
    record = reserveLab(name, await hostRoutes(), choices);
    writeMitigations(paths.mitigations, mitigations);
  } catch (error) {
    tellError(error);
    return ExitCode.labFailed;
  }

  let supervisor: Supervisor | null = null;
  try {
    const topology = topologyOf(record);
    const stop = new AbortController();
    const onStep = (step: BootStep): void => tell({ kind: "step", ...step });
    const booting = boot(
      { record, topology, paths, programs: checkHost(record) },
      { onStep, log, signal: stop.signal },
    );
    const first = await Promise.race([booting, end.promise]);
    if (typeof first === "string") {
      stop.abort();
      await booting.then((booted) => booted.stop()).catch(() => {});
    } else {
      supervisor = first;
      const server = serveStatus(paths.socket, supervisor);
      writeRecord({ ...record, state: "ready" });
      log("ready");
      tell({ kind: "ready", ms: Math.round(performance.now() - started) });
      const how = await end.promise;
      log(`ending: ${how}`);
      await server.stop(true);
      await supervisor.stop();
      // `chaoslab down` sent SIGTERM and removes the rest itself.
      if (how === "terminated") return ExitCode.ok;
    }
  } catch (error) {
    log(reasonOf(error));
    await supervisor?.stop();
    // Told last: whoever hears of it finds the lab gone, or is told that it is not.
    const failure = await teardown(name, log).then(
      () => null,
      (second: unknown) => second,
    );
    tellError(error, failure);
    return ExitCode.labFailed;
  }
  try {
    await teardown(name, log);
    return ExitCode.ok;
  } catch (error) {
    tellError(error);
    return ExitCode.labFailed;
  }
}

function serveStatus(socket: string, supervisor: Supervisor): Bun.Server<undefined> {
  rmSync(socket, { force: true });
  return Bun.serve({
    unix: socket,
    routes: { "/status": () => Response.json(supervisor.status()) },
    fetch: () => new Response("not found\n", { status: 404 }),
  });
}

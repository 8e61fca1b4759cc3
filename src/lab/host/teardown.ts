/**
 * Takes a lab down from whatever state it is in. Works from names and from what the kernel shows, so it also
 * removes a lab whose supervisor was killed, whose boot was cut off, or that a reboot left as mere files.
 * @module
 */
import { existsSync } from "node:fs";
import { ChaoslabError, reasonOf } from "../../cli/errors.ts";
import { isInForce, revertAll } from "../../faults/revert.ts";
import { isAlive, type ProcessRef, signalProcess } from "../process.ts";
import { waitFor } from "../wait.ts";
import { cgroupLayout, cgroupNodes, cgroupProcesses, killCgroup, removeCgroups } from "./cgroup.ts";
import { removeNetwork } from "./network.ts";
import { removeProxies } from "./proxies.ts";
import { LabPaths, type LabRecord, readRecord, releaseLab, topologyOf } from "./record.ts";
import { removeVolumes } from "./volume.ts";

const STOP_SUPERVISOR_MS = 10_000;

/** Stops the supervisor, if there is one, so that nothing starts again what is about to be removed. */
async function stopSupervisor(supervisor: ProcessRef | null): Promise<void> {
  if (!supervisor || supervisor.pid === process.pid || !signalProcess(supervisor, "SIGTERM")) return;
  await waitFor(() => !isAlive(supervisor), {
    what: "the supervisor to end",
    timeoutMs: STOP_SUPERVISOR_MS,
  }).catch(() => signalProcess(supervisor, "SIGKILL"));
}

async function removeProcesses(lab: string): Promise<void> {
  const layout = cgroupLayout();
  for (const node of cgroupNodes(layout, lab)) {
    await waitFor(
      () => {
        killCgroup(layout, lab, node);
        return cgroupProcesses(layout, lab, node).length === 0;
      },
      { what: `the processes of ${node} to end`, timeoutMs: 10_000 },
    );
  }
  // A killed process leaves its group a moment after it left the list.
  await waitFor(
    () => {
      removeCgroups(layout, lab);
      return true;
    },
    { what: `the cgroups of lab ${lab} to be removed`, timeoutMs: 5_000 },
  );
}

/**
 * Takes the lab's proxies off a server that was there before. One that refuses, or gives no answer, must not keep
 * the lab: returns then what may stay there, in words.
 */
async function proxiesLeft(record: LabRecord): Promise<string | null> {
  try {
    await removeProxies(record);
    return null;
  } catch (error) {
    return `its proxies (chaoslab-${record.name}-...) may still be on ${record.toxiproxy?.url}: ${reasonOf(error)}`;
  }
}

/**
 * Removes everything of a lab. Each step is tried even if one before it failed; the folder, which tells what
 * there is to remove, goes last and only when all else is gone.
 * @throws {ChaoslabError} kind `labFailed` naming what could not be removed, or, with the lab gone, what stays on a
 * server that is not the lab's.
 */
export async function teardown(lab: string, log: (message: string) => void): Promise<void> {
  const record = readRecordIfAny(lab);
  const paths = new LabPaths(lab);
  const failures: string[] = [];
  const step = async (what: string, act: () => Promise<unknown>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      failures.push(`${what}: ${reasonOf(error)}`);
      log(`${what}: ${reasonOf(error)}`);
    }
  };
  const left = (await revertAll(paths.journal)).filter(isInForce);
  // With a lab of this host they go; of another one only this journal knows.
  if (!record && left.length > 0) {
    const names = left.map(({ event, error }) => `${event.id} (${error ?? event.remains})`).join(", ");
    throw new ChaoslabError("labFailed", `lab ${lab}: still in force: ${names}`, "run chaoslab down again");
  }
  await step("supervisor", () => stopSupervisor(record?.supervisor ?? null));
  // One that was still booting has taken the lab down itself.
  if (!existsSync(paths.dir)) return;
  await step("processes", () => removeProcesses(lab));
  await step("volumes", () => removeVolumes(paths));
  const proxies = record && (await proxiesLeft(record));
  if (record) await step("network", () => removeNetwork(topologyOf(record)));
  if (failures.length > 0) {
    throw new ChaoslabError(
      "labFailed",
      `lab ${lab} is not wholly removed: ${[...failures, ...(proxies ? [proxies] : [])].join("; ")}`,
      "run chaoslab down again",
    );
  }
  releaseLab(lab);
  if (proxies)
    throw new ChaoslabError("labFailed", `lab ${lab} is removed, but ${proxies}`, "remove them there");
}

/** A record that cannot be read must not keep a lab from being removed. */
function readRecordIfAny(lab: string) {
  try {
    return readRecord(lab);
  } catch {
    return null;
  }
}

/** Services of this host's systemd. @module */
import { ChaoslabError, reasonOf } from "../../cli/errors.ts";
import { exec } from "../exec.ts";

export interface Unit {
  /** Id of its main process. */
  pid: number;
  /** systemd starts it again when it is killed. */
  restarts: boolean;
}

/** Values of `Restart=` by which a service that was killed is started again (systemd.service(5)). */
const AFTER_SIGKILL: readonly string[] = ["always", "on-failure", "on-abnormal", "on-abort"];

/** @throws {ChaoslabError} `prerequisite` without systemd, `notFound` when there is no such unit or it does not run. */
export async function unitOf(unit: string, node: string): Promise<Unit> {
  const fields = await show(unit, node);
  if (fields.get("LoadState") !== "loaded") {
    const why = fields.get("LoadState") === "masked" ? "is masked" : "is not on this host";
    throw new ChaoslabError("notFound", `${node}: ${unit} ${why}`);
  }
  const pid = Number(fields.get("MainPID") ?? 0);
  if (pid === 0) {
    const state = fields.get("ActiveState") ?? "unknown";
    throw new ChaoslabError("notFound", `${node}: ${unit} has no main process: it is ${state}`);
  }
  return { pid, restarts: AFTER_SIGKILL.includes(fields.get("Restart") ?? "no") };
}

const PROPERTIES = "LoadState,ActiveState,MainPID,Restart";

async function show(unit: string, node: string): Promise<ReadonlyMap<string, string>> {
  const argv = ["systemctl", "show", `--property=${PROPERTIES}`, "--", unit];
  const { code, stdout, stderr } = await exec(argv, { allowFailure: true }).catch((error: unknown) => {
    throw new ChaoslabError("prerequisite", `${node}: ${unit}: systemd cannot be asked: ${reasonOf(error)}`);
  });
  if (code !== 0) {
    const said = stderr.trim().split("\n", 1)[0] || `systemctl ended with ${code}`;
    throw new ChaoslabError("prerequisite", `${node}: ${unit}: systemd cannot be asked: ${said}`);
  }
  const lines = stdout.split("\n").map((line) => /^(\w+)=(.*)$/.exec(line));
  return new Map(lines.flatMap((match) => (match ? [[match[1] ?? "", match[2] ?? ""]] : [])));
}

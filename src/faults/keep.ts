/** A fault that outlives the command that asked for it, held by a process of its own. @module */
import { ChaoslabError, type ExitKind } from "../cli/errors.ts";
import { linesOf } from "../cli/lines.ts";
import { selfCommand } from "../cli/self.ts";
import type { FaultEvent } from "../model/fault.ts";
import type { KeeperInject } from "./keeper.ts";

export interface KeepRequest extends KeeperInject {
  journal: string;
}

export type KeepAnswer = { event: FaultEvent } | { exit: ExitKind; message: string; hint: string | null };

/** Starts a keeper and returns when its fault is in force, or throws what kept it from being so. */
export async function keepFault(request: KeepRequest): Promise<FaultEvent> {
  const child = Bun.spawn(selfCommand("internal", "keep"), {
    stdin: new TextEncoder().encode(JSON.stringify(request)),
    stdout: "pipe",
    stderr: "ignore",
    detached: true,
  });
  const { value: said, done } = await linesOf(child.stdout).next();
  if (done) throw new ChaoslabError("internal", "the process that keeps the fault ended before it began");
  const answer = JSON.parse(said) as KeepAnswer;
  if (!("event" in answer)) throw new ChaoslabError(answer.exit, answer.message, answer.hint ?? undefined);
  child.unref();
  return answer.event;
}

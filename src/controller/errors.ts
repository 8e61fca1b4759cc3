/** Refusals of the controller: HTTP status by kind of error, and what was wrong, where, what is accepted. @module */
import type { ChaoslabError, ExitKind } from "../cli/errors.ts";

const STATUS: Readonly<Record<ExitKind, number>> = {
  ok: 500,
  internal: 500,
  usage: 400,
  badConfig: 400,
  permission: 403,
  notFound: 404,
  busy: 409,
  addressInUse: 409,
  // The host lacks something: nothing that the client could send would help.
  prerequisite: 501,
  labFailed: 503,
  thresholdsFailed: 500,
  aborted: 503,
};

export interface Problem {
  error: string;
  /** Dotted path of the offending field. */
  field?: string;
  /** Names or values that would have been accepted. */
  accepted?: readonly string[];
  hint?: string;
}

export function problemOf(error: ChaoslabError): { status: number; body: Problem } {
  return {
    status: STATUS[error.kind],
    body: { error: error.message, ...(error.hint ? { hint: error.hint } : {}) },
  };
}

/** A body that does not fit. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
  constructor(readonly problem: Problem) {
    super(problem.error);
  }
}

/**
 * Reads the answers of the built-in mix: which orders were acknowledged, and whether a read brought the order that was
 * asked for. An answer that is well by its status and no order by its body is `unexpected`.
 * @module
 */
import type { ClientRecord, Outcome } from "../model/load.ts";
import { outcomeOf } from "./client.ts";
import type { Answer } from "./workload.ts";

/** Of an id: what is remembered of a hostile answer is memory. */
const MAX_ID = 200;

interface Body {
  id?: unknown;
  status?: unknown;
  tenant_id?: unknown;
}

/** The body as a JSON object; null when it is none. */
function bodyOf({ body }: Answer): Body | null {
  if (body === null) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

export class AnswerCheck {
  #record: ClientRecord = { acknowledged: [], foreign_reads: [] };

  /** The outcome of an answer to `POST /orders`. */
  write(answer: Answer, tenant: string, second: number): Outcome {
    const outcome = outcomeOf(answer);
    if (answer.status >= 300) return outcome;
    const { id, status } = bodyOf(answer) ?? {};
    const isOrder = typeof id === "string" && id !== "" && id.length <= MAX_ID;
    if (!isOrder || (status !== "paid" && status !== "pending")) return "unexpected";
    this.#record.acknowledged.push({ id, tenant, status, second });
    return outcome;
  }

  /** The outcome of an answer to `GET /orders/{asked}`. A body that is no order at all is nobody's. */
  read(answer: Answer, asked: string, tenant: string, second: number): Outcome {
    const outcome = outcomeOf(answer);
    if (answer.status !== 200) return outcome;
    const body = bodyOf(answer);
    const got = typeof body?.id === "string" ? body.id.slice(0, MAX_ID) : "";
    const gotTenant = body?.tenant_id == null ? null : String(body.tenant_id).slice(0, MAX_ID);
    if (got === asked && (gotTenant === null || gotTenant === tenant)) return outcome;
    if (got !== "" || gotTenant !== null)
      this.#record.foreign_reads.push({ asked, got, tenant, got_tenant: gotTenant, second });
    return "unexpected";
  }

  /** What there is to remember since the last call. */
  take(): ClientRecord {
    const taken = this.#record;
    this.#record = { acknowledged: [], foreign_reads: [] };
    return taken;
  }
}

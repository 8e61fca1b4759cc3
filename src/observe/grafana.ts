/**
 * Annotations of a Grafana that is already there (Grafana's HTTP API, "Annotations").
 * @module
 */
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import type { Verdict } from "../model/verdict.ts";

/** A stretch of time on every board that shows these tags. */
export interface Annotation {
  /** Unix epoch milliseconds. */
  time: number;
  timeEnd: number;
  tags: string[];
  text: string;
}

const TIMEOUT_MS = 3_000;

/** One for each fault of a trial that was in force. */
export function annotationsOf({ hypothesis, result, fault_events }: Verdict): Annotation[] {
  return fault_events.flatMap(({ fault_type, target, backend, t_start, t_stop }) =>
    t_stop === null
      ? []
      : [
          {
            time: t_start,
            timeEnd: t_stop,
            tags: ["chaoslab", fault_type, target, result],
            text: `${hypothesis}: ${fault_type} on ${target} by ${backend}, ${result}`,
          },
        ],
  );
}

/** Where annotations go. */
export class Grafana {
  readonly #endpoint: URL;
  readonly #token: string | null;

  /**
   * @param url the address of the Grafana, a path prefix included.
   * @param token of a service account that may write annotations; null: it lets anybody.
   * @throws {ChaoslabError} `usage` when the address is none.
   */
  constructor(url: string, token: string | null) {
    const base = URL.parse(url);
    if (!base || !/^https?:$/.test(base.protocol) || base.username || base.password || base.search) {
      const example = "http://127.0.0.1:3000";
      throw new ChaoslabError(
        "usage",
        `--grafana: ${JSON.stringify(url)} is not an address such as ${example}`,
      );
    }
    this.#endpoint = new URL(`${base.pathname.replace(/\/+$/, "")}/api/annotations`, base);
    this.#token = token;
  }

  /** @throws {ChaoslabError} `labFailed` when Grafana does not take it. */
  async annotate(annotation: Annotation): Promise<void> {
    const answer = await fetch(this.#endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
      },
      body: JSON.stringify(annotation),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      // Only who was named sees the token.
      redirect: "manual",
    }).catch((error: unknown) => {
      throw this.#refused(reasonOf(error));
    });
    await answer.body?.cancel();
    if (!answer.ok) throw this.#refused(`answered ${answer.status}`);
  }

  #refused(why: string): ChaoslabError {
    return new ChaoslabError("labFailed", `grafana: ${this.#endpoint.origin}: ${why}`);
  }
}

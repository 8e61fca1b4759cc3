/**
 * The HTTP API v1 of Prometheus, which Thanos, Mimir and VictoriaMetrics speak too:
 * https://prometheus.io/docs/prometheus/latest/querying/api/
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ChaoslabError, codeOf, reasonOf } from "../../cli/errors.ts";

export interface QueryOptions {
  timeoutMs: number;
  /** Sent as a bearer token. */
  token?: string;
}

/** Seconds since the epoch, and the value as Go writes it. */
const PairOf = Type.Tuple([Type.Number(), Type.String()]);
const Labels = Type.Record(Type.String(), Type.String());
/** `data` of an answer, by its kind of result. */
const Data = Type.Union([
  Type.Object({ resultType: Type.Literal("scalar"), result: PairOf }),
  Type.Object({
    resultType: Type.Literal("vector"),
    result: Type.Array(Type.Object({ metric: Labels, value: PairOf })),
  }),
  Type.Object({
    resultType: Type.Literal("matrix"),
    result: Type.Array(Type.Object({ metric: Labels, values: Type.Array(PairOf) })),
  }),
]);
type Data = Static<typeof Data>;

const Body = Type.Object({
  status: Type.Union([Type.Literal("success"), Type.Literal("error")]),
  data: Type.Optional(Type.Unknown()),
  errorType: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
});
type Body = Static<typeof Body>;

export class HttpApi {
  readonly #base: URL;

  constructor(
    url: string,
    readonly options: QueryOptions,
  ) {
    const base = URL.parse(url);
    if (!base || !/^https?:$/.test(base.protocol))
      throw new ChaoslabError("badConfig", `prometheus: ${url} is not an address`, "http://127.0.0.1:9090");
    this.#base = base;
  }

  /** As errors show it: without the password that an address may carry. */
  get #shown(): string {
    return `prometheus: ${this.#base.origin}${this.#base.pathname.replace(/\/+$/, "")}`;
  }

  odd(): ChaoslabError {
    return new ChaoslabError("labFailed", `${this.#shown}: its answer is not that of a Prometheus`);
  }

  async ask(endpoint: "query" | "query_range", parameters: Record<string, string>): Promise<Data> {
    const { status, text } = await this.#fetch(endpoint, parameters);
    const body = readBody(text);
    if (body === null) {
      if (status === 200) throw this.odd();
      throw new ChaoslabError("labFailed", `${this.#shown}: answered ${status}`);
    }
    if (body.status === "error") throw this.#refused(String(parameters.query), status, body);
    if (!Value.Check(Data, body.data)) throw this.odd();
    return body.data;
  }

  async #fetch(endpoint: string, parameters: Record<string, string>) {
    const { timeoutMs, token } = this.options;
    const url = new URL(`${this.#base.pathname.replace(/\/+$/, "")}/api/v1/${endpoint}`, this.#base);
    url.search = new URLSearchParams({ ...parameters, timeout: `${timeoutMs}ms` }).toString();
    try {
      const answer = await fetch(url, {
        headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(timeoutMs),
        // Only who was named is asked, and sees the token.
        redirect: "manual",
        // The server may be another one by the next query.
        keepalive: false,
      });
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      throw new ChaoslabError("labFailed", `${this.#shown}: ${unanswered(error, timeoutMs)}`);
    }
  }

  /** 400: the request is wrong; 422: it cannot be carried out; the rest is the server's own trouble. */
  #refused(expr: string, status: number, { errorType = "error", error = "" }: Body): ChaoslabError {
    if (status === 400 || status === 422)
      return new ChaoslabError("badConfig", `${expr}: ${error || errorType}`);
    return new ChaoslabError("labFailed", `${this.#shown}: ${status} ${errorType}: ${error}`);
  }
}

function unanswered(error: unknown, timeoutMs: number): string {
  if (["ConnectionRefused", "ECONNREFUSED"].includes(codeOf(error) ?? "")) return "nothing listens there";
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  return reasonOf(error);
}

function readBody(text: string): Body | null {
  try {
    const body: unknown = JSON.parse(text);
    return Value.Check(Body, body) ? body : null;
  } catch {
    return null;
  }
}

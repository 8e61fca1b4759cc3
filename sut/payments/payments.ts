/**
 * The payment provider: a ledger behind a service time, and ways to misbehave.
 * @module
 */
import { Type } from "@sinclair/typebox";
import { Elysia, t } from "elysia";
import { ConfigError } from "../common/config.ts";
import { observed } from "../common/http-server.ts";
import { reasonOf } from "../common/log.ts";
import type { Node, Service } from "../common/service.ts";
import { BehaviourChange, Behaviours } from "./behaviour.ts";
import { Ledger } from "./ledger.ts";
import { serviceTimes } from "./service-time.ts";

/** What nginx logs when the client left before the answer; here it is only seen in metrics. */
const CLIENT_LEFT = 499;

const ChargeBody = Type.Object({
  order_id: Type.String({ minLength: 1 }),
  tenant_id: Type.String({ minLength: 1 }),
  amount_cents: Type.Integer({ minimum: 1 }),
});
const Page = t.Object({
  after: t.Integer({ minimum: 0, default: 0 }),
  limit: t.Integer({ minimum: 1, maximum: 10_000, default: 1_000 }),
});

export function payments(node: Node): Service {
  const { env, metrics, log } = node;
  const ledger = openLedger(env.service, env.text("LEDGER_PATH", "the path of a file"));
  const seed = env.integer("SEED", { min: 0, max: 4_294_967_295 }, 1);
  const serviceTime = serviceTimes(env.number("SERVICE_TIME_MS", { min: 0, max: 60_000 }, 40), seed);
  const behaviours = new Behaviours(seed);
  const results = metrics.counter("chaoslab_charges_total", "Charges asked for, by what became of them.", [
    "result",
  ]);

  const charges = new Elysia({ name: "charges" })
    .post(
      "/charges",
      async ({ body, headers, request, status }) => {
        const { mode, delay_ms } = behaviours.current;
        if (mode === "hang") return leftBy(request).then(() => status(CLIENT_LEFT));
        const refused = behaviours.refuses();
        // A refusal costs the provider no work, only the added delay.
        await wait(delay_ms + (refused ? 0 : serviceTime()));
        if (refused) {
          results.inc({ result: "refused" });
          return status(503, { error: "the provider is not available" });
        }
        const { charge, first } = ledger.charge(headers["idempotency-key"], body);
        results.inc({ result: first ? "charged" : "repeated" });
        if (mode === "timeout") return leftBy(request).then(() => status(CLIENT_LEFT));
        return status(first ? 201 : 200, charge);
      },
      {
        body: ChargeBody,
        headers: t.Object({ "idempotency-key": t.String({ minLength: 1, maxLength: 200 }) }),
      },
    )
    .get(
      "/charges/:key",
      ({ params, status }) => ledger.find(params.key) ?? status(404, { error: "no such charge" }),
    );

  const audit = new Elysia({ name: "audit" })
    .get("/ledger", () => ledger.totals())
    .get("/ledger/charges", ({ query }) => ({ charges: ledger.after(query.after, query.limit) }), {
      query: Page,
    });

  const behaviour = new Elysia({ name: "behaviour" })
    .get("/behaviour", () => behaviours.current)
    .put("/behaviour", ({ body }) => behaviours.set(body), { body: BehaviourChange })
    .delete("/behaviour", () => behaviours.reset())
    .onAfterHandle(({ request }) => {
      if (request.method !== "GET") log.info("behaviour", behaviours.current);
    });

  // Elysia drops unknown properties by default; a misspelt behaviour must be refused, not ignored.
  const app = new Elysia({ normalize: false })
    .use(observed(node))
    .get("/healthz", () => ({ status: "ok" }))
    .get("/readyz", () => ({ status: "ready" }))
    .use(charges)
    .use(audit)
    .use(behaviour);
  return { app, close: () => ledger.close() };
}

function openLedger(service: string, path: string): Ledger {
  try {
    return new Ledger(path);
  } catch (error) {
    throw new ConfigError(`${service}: LEDGER_PATH: cannot open ${path}: ${reasonOf(error)}`);
  }
}

function wait(ms: number): Promise<void> {
  return ms > 0 ? Bun.sleep(ms) : Promise.resolve();
}

/** Settles when the client gives up. */
function leftBy({ signal }: Request): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

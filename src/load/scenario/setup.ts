/**
 * A scenario's setup: its requests, in order, before the load; an answer that is not as expected ends everything.
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import type { Outcome } from "../../model/load.ts";
import { Exchange, HttpClient } from "../client.ts";
import type { Answer } from "../workload.ts";
import type { CompiledScenario, SetupStep } from "./workload.ts";

/** Requests on their way at once, of one step. */
const PARALLEL = 16;

/** Far from the load's indices, so that seeded values, idempotency keys above all, are not those of the load. */
const FIRST_INDEX = 2 ** 52;

const IN_WORDS: Partial<Record<Outcome, string>> = {
  timeout: "no answer in time",
  refused: "connection refused",
  reset: "connection reset",
  connect: "cannot connect",
  protocol: "the answer is not HTTP",
};

class SetupExchange extends Exchange<SetupExchange> {
  onEnd: (outcome: Outcome) => void = () => {};
}

/** @throws ChaoslabError `notFound` at the first request that fails or is answered unexpectedly. */
export async function runSetup({ setup, workload }: CompiledScenario, timeoutMs: number): Promise<void> {
  let defect: (error: unknown) => void = () => {};
  const broken = new Promise<never>((_, reject) => {
    defect = reject;
  });
  const clients = workload.origins.map(
    (origin) =>
      new HttpClient<SetupExchange>(
        { origin, maxConnections: PARALLEL, maxInFlight: PARALLEL, timeoutMs },
        {
          onDispatched() {},
          onSent() {},
          onEnded: (exchange, outcome) => exchange.onEnd(outcome),
          onDefect: defect,
        },
      ),
  );
  try {
    let index = FIRST_INDEX;
    for (const step of setup) {
      const client = clients[step.origin];
      if (!client) continue;
      const first = index;
      let next = 0;
      const count = step.perTenant ? workload.tenants : 1;
      const worker = async (): Promise<void> => {
        while (next < count) {
          const tenant = next++;
          await send(client, step, first + tenant, tenant);
        }
      };
      await Promise.race([broken, Promise.all(Array.from({ length: PARALLEL }, worker))]);
      index += count;
      if (!step.perTenant) for (const captured of step.captures) captured.share();
    }
  } finally {
    for (const client of clients) client.close();
  }
}

function send(
  client: HttpClient<SetupExchange>,
  { name, what, encode, isHead, check, captures }: SetupStep,
  index: number,
  tenant: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let problem: string | null = null;
    const judge = (answer: Answer): Outcome => {
      if (check.accepts(answer.status)) problem = check.problem(answer, tenant);
      else problem = `has status ${answer.status}`;
      // What the load is to use would stay empty.
      if (problem === null && answer.status >= 400 && captures.some((each) => each.initial === ""))
        problem = `has status ${answer.status}, and nothing to capture`;
      return problem === null ? "2xx" : "unexpected";
    };
    const ended = (outcome: Outcome): void => {
      if (outcome === "2xx") {
        resolve();
        return;
      }
      const why = outcome === "unexpected" ? `the answer ${problem}` : (IN_WORDS[outcome] ?? outcome);
      reject(new ChaoslabError("notFound", `load: setup ${JSON.stringify(name)}: ${what}: ${why}`));
    };
    const payload = encode(index, tenant);
    const exchange = new SetupExchange(payload, true, isHead, judge, performance.now());
    exchange.onEnd = ended;
    client.send(exchange);
  });
}

/**
 * `dependency`: the payment provider misbehaves by itself: refuses a share of the charges, is slow, or never answers. It
 * is told to by its own API, `PUT /behaviour`, and holds that in memory: a restarted one behaves.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import type { Target } from "../lab/target.ts";
import type { Evidence } from "../model/fault.ts";
import type { DependencyParams } from "../model/params.ts";
import { defineBackend, defineFault } from "./fault.ts";
import { Cgroup, cgroupOf } from "./node/cgroup.ts";
import { haveEnded, processesOf } from "./node/processes.ts";

/** Long enough for a provider that a packet fault slows down as well. */
const TIMEOUT_MS = 5_000;

/** What the provider answers; see sut/payments/behaviour.ts. `error_rate` is a share from 0 to 1. */
const Behaviour = Type.Object({
  error_rate: Type.Number(),
  delay_ms: Type.Number(),
  mode: Type.String(),
});
export type Behaviour = Static<typeof Behaviour>;

const NORMAL: Behaviour = { error_rate: 0, delay_ms: 0, mode: "normal" };

const DependencyUndo = Type.Object({
  kind: Type.Literal("behaviour-api"),
  url: Type.String(),
  cgroup: Cgroup,
  /** What was asked for: anything else is not ours to reset. */
  ours: Behaviour,
});
type DependencyUndo = Static<typeof DependencyUndo>;

/** The behaviour that the params stand for; what they leave out is normal. */
export function behaviourOf({
  error_rate_percent = 0,
  delay_ms = 0,
  mode = "normal",
}: DependencyParams): Behaviour {
  return { error_rate: error_rate_percent / 100, delay_ms, mode };
}

function urlOf({ name, url }: Target): string {
  if (url === null) {
    throw new ChaoslabError(
      "badConfig",
      `dependency: ${name} has no HTTP service`,
      "the one that can: payments",
    );
  }
  return url;
}

async function ask(url: string, method: "GET" | "PUT" | "DELETE", body?: Behaviour): Promise<Behaviour> {
  const answer = await fetch(`${url}/behaviour`, {
    method,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new UnfitAnswer(`${method} /behaviour is answered ${answer.status}`);
  const behaviour: unknown = await answer.json();
  if (!Value.Check(Behaviour, behaviour)) throw new UnfitAnswer(`${method} /behaviour is answered otherwise`);
  return behaviour;
}

/** The service answers, but not as one that can be told to misbehave. */
class UnfitAnswer extends Error {
  override readonly name = "UnfitAnswer";
}

/** Charges refused so far, from the provider's own counter. */
async function refusedCharges(url: string): Promise<number> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return parseRefused(await answer.text());
}

/** Reads `chaoslab_charges_total{result="refused",...}` from the text format of Prometheus; absent: none yet. */
export function parseRefused(metrics: string): number {
  const line = metrics
    .split("\n")
    .find((each) => each.startsWith("chaoslab_charges_total{") && each.includes('result="refused"'));
  return Number(line?.split("} ")[1] ?? 0);
}

const behaviourApi = defineBackend<DependencyParams, DependencyUndo>({
  name: "behaviour-api",
  undoSchema: DependencyUndo,
  probeAsksTarget: true,

  async probe({ target }) {
    try {
      await ask(urlOf(target), "GET");
      return null;
    } catch (error) {
      const { name } = target;
      if (error instanceof UnfitAnswer) {
        const text = `dependency: ${name} cannot be told to misbehave: ${reasonOf(error)}`;
        throw new ChaoslabError("badConfig", text, "the one that can: payments");
      }
      throw new ChaoslabError(
        "busy",
        `${name}: it does not answer: ${reasonOf(error)}`,
        "wait until it is ready",
      );
    }
  },

  plan({ target, params }) {
    const [url, ours] = [urlOf(target), behaviourOf(params)];
    return {
      steps: [`PUT ${url}/behaviour ${JSON.stringify(ours)}`],
      undo: { kind: "behaviour-api", url, cgroup: cgroupOf(target), ours },
    };
  },

  async inspect({ target }) {
    const now = await ask(urlOf(target), "GET");
    if (Bun.deepEquals(now, NORMAL)) return;
    throw new ChaoslabError("busy", `${target.name}: it misbehaves already: ${JSON.stringify(now)}`);
  },

  async inject(_, { url, ours }) {
    const before = await refusedCharges(url);
    await ask(url, "PUT", ours);
    return {
      async verify() {
        const [now, refused] = await Promise.all([ask(url, "GET"), refusedCharges(url)]);
        // The counter of a restarted provider begins anew.
        return dependencyEvidence(ours, now, refused < before ? refused : refused - before);
      },
    };
  },

  async undo(undo) {
    await withOurs(undo, "reset", () => ask(undo.url, "DELETE"));
  },

  remains: (undo) => withOurs(undo, "read", async (now) => `${undo.url} behaves so: ${JSON.stringify(now)}`),
});

/** Does something about the behaviour that is ours; null when the provider does not have it, or is not there. */
async function withOurs<T>(
  { url, cgroup, ours }: DependencyUndo,
  what: string,
  act: (now: Behaviour) => Promise<T>,
): Promise<T | null> {
  // The behaviour lives in a process of the node: without one there is none, and its address may be anybody's.
  const processes = processesOf(cgroup);
  if (processes.length === 0) return null;
  try {
    const now = await ask(url, "GET");
    return Bun.deepEquals(now, ours) ? await act(now) : null;
  } catch (error) {
    if (error instanceof UnfitAnswer || isRefused(error) || (await haveEnded(processes))) return null;
    throw new ChaoslabError("internal", `${url}/behaviour cannot be ${what}: ${reasonOf(error)}`);
  }
}

/** Nothing listens: the process that was told is gone, and the next one has not begun to listen. */
function isRefused(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    ["ConnectionRefused", "ECONNREFUSED"].includes(`${error.code}`)
  );
}

/** @param refused charges refused since the fault began. */
export function dependencyEvidence(asked: Behaviour, now: Behaviour, refused: number): Evidence {
  const landed = Bun.deepEquals(asked, now);
  return {
    landed,
    detail: `${landed ? "the provider says" : "the provider has forgotten what it was told:"} ${JSON.stringify(now)}; ${refused} charges refused`,
    measures: { refused_charges: refused },
  };
}

export const dependency = defineFault({
  type: "dependency",
  check: ({ target }) => void urlOf(target),
  backends: [behaviourApi],
});

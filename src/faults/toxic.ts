/**
 * `toxic`: what a TCP proxy does to connections: slows, cuts, resets or dribbles them. Works in a lab whose services reach
 * each other through Toxiproxy, chaoslab's own or Shopify's, over its HTTP API.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import type { ICreateToxicBody } from "toxiproxy-node-client";
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import type { Links, Target } from "../lab/target.ts";
import { TOXIC_FIELDS, type ToxicParams } from "../model/params.ts";
import { connectTo, Refused, removed, Unreachable } from "../toxiproxy/client.ts";
import { defineBackend, defineFault, type FaultRequest } from "./fault.ts";
import { Cgroup } from "./node/cgroup.ts";
import { haveEnded, processesOf } from "./node/processes.ts";
import { ProxyTraffic, toxicEvidence } from "./toxiproxy/traffic.ts";

const ToxicUndo = Type.Object({
  kind: Type.Literal("toxiproxy"),
  url: Type.String(),
  /** The token itself stays where it is. */
  token_file: Type.Union([Type.String(), Type.Null()]),
  /** Group of the server's process; null where the lab does not run it. */
  cgroup: Type.Union([Cgroup, Type.Null()]),
  toxics: Type.Array(Type.Object({ proxy: Type.String(), name: Type.String() })),
});
type ToxicUndo = Static<typeof ToxicUndo>;
type Request = FaultRequest<ToxicParams>;

/** Names of toxics that are ours begin with this. */
const PREFIX = "chaoslab-";
/** Chance is the same in every run unless a seed says otherwise. */
const DEFAULT_SEED = 1;

/** A toxic as POST /proxies/{proxy}/toxics takes it; `seed` is for our server, and others pass over it. */
export type ToxicBody = ICreateToxicBody<Record<string, number>> & { seed: number };

/** The toxic that the params stand for. */
export function toxicBody(id: string, params: ToxicParams): ToxicBody {
  const { toxic, stream = "downstream", toxicity_percent = 100, seed = DEFAULT_SEED } = params;
  return {
    name: `${PREFIX}${id}-${toxic}-${stream}`,
    type: toxic,
    stream,
    toxicity: toxicity_percent / 100,
    attributes: Object.fromEntries(
      TOXIC_FIELDS[toxic].map(([field, attribute]) => [attribute, params[field] ?? 0]),
    ),
    seed,
  };
}

function linksOf({ name, links }: Target): Links {
  if (links) return links;
  throw new ChaoslabError("badConfig", `toxic: the lab of ${name} has no proxies`, "chaoslab up --toxiproxy");
}

/** Proxies of the links that are meant. @throws {ChaoslabError} `badConfig` when there are none. */
export function proxiesMeant({ target, params: { peer } }: Pick<Request, "target" | "params">): string[] {
  const { proxies } = linksOf(target);
  const callers = proxies.map(({ from }) => from);
  if (callers.length === 0) {
    throw new ChaoslabError(
      "badConfig",
      `toxic: no service of the lab calls ${target.name}`,
      "name a callee",
    );
  }
  const meant = proxies.filter(({ from }) => peer === undefined || from === peer).map(({ name }) => name);
  if (meant.length > 0) return meant;
  throw new ChaoslabError(
    "badConfig",
    `toxic: ${peer} does not call ${target.name}`,
    `its callers: ${callers.join(", ")}`,
  );
}

const clientOf = (target: Target) => {
  const { server } = linksOf(target);
  return connectTo(server.url, server.tokenFile);
};

interface ProxyState {
  enabled: boolean;
  toxics: readonly { name: string; type: string; stream: string }[];
}

/** Every proxy of a server by name. The client's own `getAll` leaves the toxics out. */
async function proxyStates({ api, host }: ReturnType<typeof connectTo>): Promise<Record<string, ProxyState>> {
  return (await api.get<Record<string, ProxyState>>(`${host}/proxies`)).data;
}

const toxiproxy = defineBackend<ToxicParams, ToxicUndo>({
  name: "toxiproxy",
  undoSchema: ToxicUndo,
  probeAsksTarget: true,

  async probe({ target }) {
    if (!target.links) return "the lab has no proxies: chaoslab up --toxiproxy";
    try {
      await clientOf(target).getVersion();
      return null;
    } catch (error) {
      // The lab's own is started again.
      if (error instanceof Unreachable && target.links.server.cgroup)
        throw new ChaoslabError("busy", reasonOf(error), "wait until it is ready");
      return reasonOf(error);
    }
  },

  plan({ id, target, params }) {
    const { server } = linksOf(target);
    const toxic = toxicBody(id, params);
    const proxies = proxiesMeant({ target, params });
    return {
      steps: proxies.map((proxy) => `POST ${server.url}/proxies/${proxy}/toxics ${JSON.stringify(toxic)}`),
      undo: {
        kind: "toxiproxy",
        url: server.url,
        token_file: server.tokenFile,
        cgroup: server.cgroup && { version: server.cgroup.version, dirs: [...server.cgroup.dirs] },
        toxics: proxies.map((proxy) => ({ proxy, name: toxic.name })),
      },
    };
  },

  async inspect({ id, target, params }) {
    const wanted = toxicBody(id, params);
    const states = await proxyStates(clientOf(target));
    for (const name of proxiesMeant({ target, params })) {
      const state = states[name];
      if (!state) throw new ChaoslabError("notFound", `toxiproxy: it has no proxy ${name}`);
      if (!state.enabled) throw new ChaoslabError("busy", `toxiproxy: proxy ${name} is disabled`);
      const ours = state.toxics.find(
        (each) => each.name.startsWith(PREFIX) && each.type === wanted.type && each.stream === wanted.stream,
      );
      if (ours) throw new ChaoslabError("busy", `toxiproxy: ${name} has such a toxic: ${ours.name}`);
    }
  },

  async inject({ id, target, params }, { toxics }) {
    const client = clientOf(target);
    const body = toxicBody(id, params);
    const proxies = toxics.map(({ proxy }) => proxy);
    for (const proxy of proxies) await (await client.get(proxy)).addToxic(body);
    const before = await ProxyTraffic.read(client, proxies);
    return {
      async verify() {
        const [states, now] = await Promise.all([proxyStates(client), ProxyTraffic.read(client, proxies)]);
        const listed = proxies.filter((proxy) =>
          states[proxy]?.toxics.some((each) => each.name === body.name),
        );
        const { name, toxicity, stream } = body;
        return toxicEvidence({ toxic: params.toxic, name, toxicity, stream, proxies, listed, before, now });
      },
    };
  },

  async undo(undo) {
    await onServer(undo, "removed", async ({ api, host }) => {
      for (const { proxy, name } of undo.toxics)
        await removed(api.delete(`${host}/proxies/${proxy}/toxics/${name}`));
    });
  },

  remains: (undo) =>
    onServer(undo, "looked for", async (server) => {
      const states = await proxyStates(server);
      const left = undo.toxics.filter(({ proxy, name }) =>
        states[proxy]?.toxics.some((each) => each.name === name),
      );
      return left.map(({ proxy, name }) => `toxic ${name} on ${proxy}`).join(", ") || null;
    }),
});

/** Does something on the server that the undo names; null when that is the lab's own and has died. */
async function onServer<T>(
  { url, token_file, cgroup, toxics }: ToxicUndo,
  what: string,
  act: (server: ReturnType<typeof connectTo>) => Promise<T>,
): Promise<T | null> {
  // Toxics live in the server's process: without it there are none, and its address may be anybody's.
  const processes = cgroup && processesOf(cgroup);
  if (processes?.length === 0) return null;
  try {
    return await act(connectTo(url, token_file));
  } catch (error) {
    // The lab's own is being started again: what the one before held is gone.
    if (processes && error instanceof Unreachable && (error.nothingListens || (await haveEnded(processes))))
      return null;
    const why = error instanceof Refused ? "refused" : "no answer";
    const names = [...new Set(toxics.map(({ name }) => name))].join(", ");
    throw new ChaoslabError("internal", `toxic ${names} cannot be ${what} (${why}): ${reasonOf(error)}`);
  }
}

export const toxic = defineFault({
  type: "toxic",
  check: (request) => void proxiesMeant(request),
  backends: [toxiproxy],
});

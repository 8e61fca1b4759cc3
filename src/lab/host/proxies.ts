/**
 * The proxies between a lab's nodes: on a node of its own, or on a Toxiproxy server that was there before.
 * @module
 */
import { existsSync, writeFileSync } from "node:fs";
import { connectTo, removed, Unreachable } from "../../toxiproxy/client.ts";
import type { Links, ProxyServer } from "../target.ts";
import { cgroupDirs, cgroupLayout } from "./cgroup.ts";
import { type LinkProxy, linkProxies } from "./links.ts";
import { LabPaths, type LabShape, secret, topologyOf } from "./record.ts";
import { PROXY_NODE } from "./topology.ts";

/** Environment variable with the token of a server that was there before. */
export const TOKEN_VARIABLE = "CHAOSLAB_TOXIPROXY_TOKEN";

export const proxiesOf = (record: LabShape): LinkProxy[] =>
  linkProxies(topologyOf(record), record.toxiproxy ?? null);

/** The server of a lab's proxies; null in a lab without. */
export function proxyServer(record: LabShape): ProxyServer | null {
  if (!record.toxiproxy) return null;
  const { toxiproxyToken } = new LabPaths(record.name);
  const tokenFile = existsSync(toxiproxyToken) ? toxiproxyToken : null;
  const { url } = record.toxiproxy;
  if (url !== null) return { url, tokenFile, cgroup: null };
  const layout = cgroupLayout();
  return {
    url: topologyOf(record).url(PROXY_NODE),
    tokenFile,
    cgroup: { version: layout.version, dirs: cgroupDirs(layout, record.name, PROXY_NODE) },
  };
}

/** The links to a node; null in a lab without proxies. */
export function linksTo(record: LabShape, node: string): Links | null {
  const server = proxyServer(record);
  if (!server) return null;
  const proxies = proxiesOf(record).filter(({ link }) => link.callee === node);
  return { server, proxies: proxies.map(({ name, link }) => ({ name, from: link.caller })) };
}

const body = (record: LabShape) =>
  proxiesOf(record).map(({ name, listen, upstream }) => ({ name, listen, upstream, enabled: true }));

/** A client for a server that was there before. A token in the environment is newer than the one the lab was booted with. */
const clientOf = ({ url, tokenFile }: ProxyServer) =>
  connectTo(url, tokenFile, process.env[TOKEN_VARIABLE] || undefined);

/** What the lab's own server begins with, each time it is started. */
export function writeProxyFiles(record: LabShape): void {
  const paths = new LabPaths(record.name);
  const own = record.toxiproxy?.url === null;
  const token = own ? secret() : process.env[TOKEN_VARIABLE];
  if (token) writeFileSync(paths.toxiproxyToken, `${token}\n`, { mode: 0o600 });
  if (own) writeFileSync(paths.toxiproxyConfig, JSON.stringify(body(record), null, 2));
}

/**
 * Asks a server that was there before for its version and its proxies, before anything is made.
 * @throws {ChaoslabError} when it does not answer, or wants another token.
 */
export async function checkServer(record: LabShape): Promise<void> {
  const server = proxyServer(record);
  if (!server || server.cgroup) return;
  const toxiproxy = clientOf(server);
  await toxiproxy.getVersion();
  await toxiproxy.getAll();
}

/** Makes the lab's proxies on a server that was there before: anew, as what an earlier lab of this name left has toxics. */
export async function createProxies(record: LabShape): Promise<void> {
  const server = proxyServer(record);
  if (!server || server.cgroup) return;
  await deleteProxies(record, server);
  writeFileSync(new LabPaths(record.name).proxiesMade, "");
  await clientOf(server).populate(body(record));
}

/**
 * Removes them again; that they, or the server, are gone is fine. Proxies of the lab's own node go with it.
 * A server on which none were made is not asked: it may be the very one that refused the lab.
 */
export async function removeProxies(record: LabShape): Promise<void> {
  const server = proxyServer(record);
  if (!server || server.cgroup || !existsSync(new LabPaths(record.name).proxiesMade)) return;
  await deleteProxies(record, server);
}

async function deleteProxies(record: LabShape, server: ProxyServer): Promise<void> {
  const { api, host } = clientOf(server);
  try {
    for (const { name } of proxiesOf(record)) await removed(api.delete(`${host}/proxies/${name}`));
  } catch (error) {
    if (!(error instanceof Unreachable && error.nothingListens)) throw error;
  }
}

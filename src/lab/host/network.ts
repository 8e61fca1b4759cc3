/**
 * The lab's network: a namespace per node, joined by a routing namespace ("fabric") through which every
 * packet between nodes passes. The host's own namespace gets one veth and one route, nothing else.
 * @module
 */
import { existsSync } from "node:fs";
import { exec } from "../exec.ts";
import { execIn } from "../netns.ts";
import { namespacePath, type Place, type Topology } from "./topology.ts";

/** `ip -batch` lines, run in the host's namespace, that make namespaces and links. */
export function linkCommands(t: Topology): string[] {
  return [
    ...t.namespaces.map((name) => `netns add ${name}`),
    // Both ends are born inside their namespaces: the host never sees them.
    ...t.places.map(
      (node) =>
        `link add name eth0 netns ${t.namespace(node)} type veth peer name ${node} netns ${t.fabricNamespace}`,
    ),
    `link add name ${t.hostDevice} type veth peer name host netns ${t.fabricNamespace}`,
    `addr add ${t.hostAddress}/32 dev ${t.hostDevice}`,
    `link set dev ${t.hostDevice} up`,
    `route add ${t.cidr} via ${t.fabricAddress} dev ${t.hostDevice} onlink src ${t.hostAddress}`,
  ];
}

/** `ip -batch` lines for one node's namespace: its address, and a route to the lab and nowhere else. */
export function nodeCommands(t: Topology, place: Place): string[] {
  return [
    "link set dev lo up",
    `addr add ${t.address(place)}/32 dev eth0`,
    "link set dev eth0 up",
    `route add ${t.cidr} via ${t.fabricAddress} dev eth0 onlink`,
  ];
}

/** `ip -batch` lines for the fabric's namespace: one host route per node. */
export function fabricCommands(t: Topology): string[] {
  return [
    "link set dev lo up",
    `addr add ${t.fabricAddress}/32 dev lo`,
    "link set dev host up",
    `route add ${t.hostAddress} dev host`,
    ...t.places.flatMap((place) => [
      `link set dev ${place} up`,
      `route add ${t.address(place)} dev ${place}`,
    ]),
  ];
}

const batch = (lines: readonly string[]): string => `${lines.join("\n")}\n`;

export async function createNetwork(t: Topology): Promise<void> {
  await exec(["ip", "-batch", "-"], { input: batch(linkCommands(t)) });
  await execIn(namespacePath(t.fabricNamespace), ["tee", "/proc/sys/net/ipv4/ip_forward"], { input: "1" });
  await exec(["ip", "-n", t.fabricNamespace, "-batch", "-"], { input: batch(fabricCommands(t)) });
  await Promise.all(
    t.places.map((node) =>
      exec(["ip", "-n", t.namespace(node), "-batch", "-"], {
        input: batch(nodeCommands(t, node)),
      }),
    ),
  );
}

/** Removes what is there of the lab's network; what is not there is fine. */
export async function removeNetwork(t: Topology): Promise<void> {
  if (existsSync(`/sys/class/net/${t.hostDevice}`)) {
    // Its route goes with it. Deleting a namespace removes its links a moment later, perhaps this one too.
    await exec(["ip", "link", "del", "dev", t.hostDevice], { allowFailure: true });
  }
  for (const name of t.namespaces) {
    if (existsSync(namespacePath(name))) await exec(["ip", "netns", "del", name]);
  }
}

/** True when the host already has this device, or a route into this subnet, that no lab of ours accounts for. */
export async function hostRoutes(): Promise<(t: Topology) => boolean> {
  const { stdout } = await exec(["ip", "-o", "-4", "route", "show", "table", "all"]);
  const destinations = new Set(
    stdout.split("\n").map((line) => line.replace(/^(local|broadcast) /, "").split(" ")[0]),
  );
  return (t) =>
    existsSync(`/sys/class/net/${t.hostDevice}`) ||
    [...destinations].some((destination) => destination?.startsWith(`${t.prefix}.`) === true);
}

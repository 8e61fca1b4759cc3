/**
 * A detour for what reaches a node: queueing disciplines act on what leaves a device, so packets that arrive by the
 * node's device are sent out by an intermediate functional block (ifb) first, which hands them back. It carries the name
 * of its fault, so that an undo takes away that one and no other.
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import { execIn } from "../../lab/netns.ts";
import { trial } from "./netns.ts";

/** At most 15 characters (IFNAMSIZ). */
export const detourDevice = (id: string): string =>
  `chaoslab${Bun.hash.crc32(id).toString(16).padStart(8, "0").slice(0, 7)}`;

/** Argument vectors that lead what arrives by `from` through `device`. */
export function addDetour(from: string, device: string): string[][] {
  const everything = ["protocol", "all", "prio", "1", "u32", "match", "u32", "0", "0"];
  return [
    ["ip", "link", "add", "name", device, "type", "ifb"],
    ["ip", "link", "set", "dev", device, "up"],
    ["tc", "qdisc", "add", "dev", from, "ingress"],
    [
      ...["tc", "filter", "add", "dev", from, "parent", "ffff:", ...everything],
      ...["action", "mirred", "egress", "redirect", "dev", device],
    ],
  ];
}

/** What is missing for a detour here, in a few words; null when nothing is. */
export async function probeDetour(): Promise<string | null> {
  const device = "probe";
  const [block = [], , ...rest] = addDetour("lo", device);
  const lines = rest.map(([, ...args]) => args.map((arg) => (arg === device ? "lo" : arg)).join(" "));
  return (await trial(block)) ?? (await trial(["tc", "-batch", "-"], `${lines.join("\n")}\n`));
}

export async function detourIsThere(netns: string, device: string): Promise<boolean> {
  const { code } = await execIn(netns, ["ip", "link", "show", "dev", device], { allowFailure: true });
  return code === 0;
}

/** @throws {ChaoslabError} `busy` when something has made arrangements for what arrives by the device. */
export async function requireNoIngress(netns: string, device: string, node: string): Promise<void> {
  const { stdout } = await execIn(netns, ["tc", "qdisc", "show", "dev", device]);
  if (!/^qdisc (ingress|clsact) /m.test(stdout)) return;
  throw new ChaoslabError("busy", `${node}: ${device} already carries an ingress qdisc; leaving it alone`);
}

/** Takes the detour away; that it is gone is fine. */
export async function removeDetour(netns: string, from: string, device: string): Promise<void> {
  if (!(await detourIsThere(netns, device))) return;
  const filters = await execIn(netns, ["tc", "filter", "show", "dev", from, "parent", "ffff:"], {
    allowFailure: true,
  });
  const isOurs = filters.stdout.trim() === "" || filters.stdout.includes(device);
  if (isOurs) await execIn(netns, ["tc", "qdisc", "del", "dev", from, "ingress"], { allowFailure: true });
  await execIn(netns, ["ip", "link", "del", "dev", device], { allowFailure: true });
  if (await detourIsThere(netns, device)) {
    throw new ChaoslabError("internal", `${netns}: ${device} could not be removed`);
  }
}

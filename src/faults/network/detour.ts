/**
 * A detour inside a node's own namespace, for a node whose packets cross no fabric: an intermediate functional block
 * (ifb) that packets are sent through on their way.
 *
 * `in`: what arrives is sent out by the block first, so that a queueing discipline there can shape it. `out`: what leaves
 * arrives by the block first and is forwarded, so that it crosses the FORWARD hook as it would in a fabric. There it has
 * left its socket: held in POSTROUTING, where it has not, a packet counts against the socket's TCP small queue, and with
 * 100 ms of delay a transfer of 32 MB that should take 3 s took 40 s. Forwarded packets are told from fresh ones by their
 * TTL, which is one less; a socket with a TTL of its own takes no detour.
 *
 * The block carries the name of its fault, and its filter a priority of the fault's own, so that an undo takes away
 * those and no others.
 * @module
 */
import { existsSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError } from "../../cli/errors.ts";
import { exec } from "../../lab/exec.ts";
import { execIn } from "../../lab/netns.ts";
import { trial } from "./netns.ts";

/** Part of an undo. */
export const Detour = Type.Object({
  /** `in`: of what arrives by `from`. `out`: of what leaves by it. */
  way: Type.Union([Type.Literal("in"), Type.Literal("out")]),
  /** The node's device. */
  from: Type.String(),
  /** The block. */
  device: Type.String(),
});
export type Detour = Static<typeof Detour>;

const PREFIX = "chaoslab";

/** Every block of ours, as iptables(8) names devices: packets take one detour, whichever of several faults made it. */
export const ANY_DETOUR = `${PREFIX}+`;

/** At most 15 characters (IFNAMSIZ). */
export const detourDevice = (id: string): string => `${PREFIX}${hex(id).slice(0, 7)}`;
const hex = (id: string): string => Bun.hash.crc32(id).toString(16).padStart(8, "0");

/** Priorities of filters are 16 bits; below them the kernel chooses those that nobody has named. */
const priorityOf = (device: string): string => `${1 + (Bun.hash.crc32(device) % 0x7fff)}`;

const hookOf = ({ way }: Detour): string => (way === "in" ? "ingress" : "egress");

/** Per device, so that they go with it. Its packets have an address of this host as their source, and are for others. */
const SETTINGS: Readonly<Record<string, string>> = { accept_local: "1", rp_filter: "0", forwarding: "1" };
const settingPath = (device: string, name: string): string => `/proc/sys/net/ipv4/conf/${device}/${name}`;

/** The block; argument vectors. */
const addBlock = (device: string): string[][] => [
  ["ip", "link", "add", "name", device, "type", "ifb"],
  ["ip", "link", "set", "dev", device, "up"],
];

const addHook = (from: string): string[] => ["tc", "qdisc", "add", "dev", from, "clsact"];

/** The filter that leads packets to the block. @param ttl of packets that have not been there yet. */
function addFilter({ way, from, device }: Detour, ttl: number): string[] {
  const on = ["tc", "filter", "add", "dev", from, way === "in" ? "ingress" : "egress"];
  const which = way === "in" ? ["u32", "0", "0"] : ["u8", `${ttl}`, "0xff", "at", "8"];
  const to = ["mirred", way === "in" ? "egress" : "ingress", "redirect", "dev", device];
  const protocol = way === "in" ? "all" : "ip";
  return [
    ...on,
    ...["protocol", protocol, "prio", priorityOf(device), "u32", "match", ...which, "action", ...to],
  ];
}

/** What the kernel gives packets where nobody has said otherwise. */
const USUAL_TTL = 64;

/** What will be done, for people. */
export function detourSteps(detour: Detour): string[] {
  const settings = detour.way === "in" ? [] : Object.entries(SETTINGS);
  return [
    ...addBlock(detour.device).map((argv) => argv.join(" ")),
    ...settings.map(([name, value]) => `${settingPath(detour.device, name)} = ${value}`),
    addHook(detour.from).join(" "),
    addFilter(detour, USUAL_TTL).join(" "),
  ];
}

/**
 * Loads the module of such devices where it is not there yet: left to the kernel, it would make two of them in the
 * host's own namespace.
 */
async function loadModule(): Promise<void> {
  if (existsSync("/sys/module/ifb") || Bun.which("modprobe") === null) return;
  // Where it is part of the kernel there is no module, and no need for one.
  await exec(["modprobe", "ifb", "numifbs=0"], { allowFailure: true });
}

/** What is missing for a detour here, in a few words; null when nothing is. */
export async function probeDetour(way: Detour["way"]): Promise<string | null> {
  await loadModule();
  const [block = []] = addBlock("probe");
  const lines = [addHook("lo"), addFilter({ way, from: "lo", device: "lo" }, USUAL_TTL)];
  const batch = lines.map(([, ...args]) => args.join(" ")).join("\n");
  return (await trial(block)) ?? (await trial(["tc", "-batch", "-"], `${batch}\n`));
}

/** @throws {ChaoslabError} `busy` when something that is not ours is in the way, `prerequisite`. */
export async function requireDetour(netns: string, { way, from }: Detour, node: string): Promise<void> {
  const [hooked, ours] = [await isHooked(netns, from), await ownBlocks(netns)];
  if (hooked && ours.length === 0) {
    throw new ChaoslabError("busy", `${node}: ${from} already carries an ingress qdisc; leaving it alone`);
  }
  // A packet takes one detour on its way in: what an ifb has given back passes no filter again.
  if (way === "in" && (await hasFilters(netns, from, ["ingress"]))) {
    throw new ChaoslabError("busy", `${node}: a fault of chaoslab's already shapes what arrives by ${from}`);
  }
  const strict = await textIn(netns, settingPath("all", "rp_filter"));
  if (way === "out" && strict === "1") {
    throw new ChaoslabError("prerequisite", `${node}: ${settingPath("all", "rp_filter")} is 1 (strict)`);
  }
}

export async function addDetour(netns: string, detour: Detour): Promise<void> {
  await loadModule();
  for (const argv of addBlock(detour.device)) await execIn(netns, argv);
  if (detour.way === "out") {
    // On a /proc of its own: that of a controller in a container cannot be written to.
    for (const [name, value] of Object.entries(SETTINGS)) {
      const write = ["unshare", "--mount-proc", "tee", settingPath(detour.device, name)];
      await execIn(netns, write, { input: value });
    }
  }
  if (!(await isHooked(netns, detour.from))) await execIn(netns, addHook(detour.from));
  const ttl = Number(await textIn(netns, "/proc/sys/net/ipv4/ip_default_ttl"));
  await execIn(netns, addFilter(detour, ttl));
}

async function detourIsThere(netns: string, device: string): Promise<boolean> {
  const { code } = await execIn(netns, ["ip", "link", "show", "dev", device], { allowFailure: true });
  return code === 0;
}

/** What is left of it, in words; null when nothing is, or it never was. */
export async function detourLeft(netns: string, detour: Detour | undefined): Promise<string | null> {
  if (!detour || !(await detourIsThere(netns, detour.device))) return null;
  return `${detour.device} in ${netns}`;
}

/** Takes the detour away; that it is gone is fine. */
export async function removeDetour(netns: string, detour: Detour): Promise<void> {
  const { from, device } = detour;
  const filter = ["tc", "filter", "del", "dev", from, hookOf(detour), "prio", priorityOf(device)];
  await execIn(netns, filter, { allowFailure: true });
  await execIn(netns, ["ip", "link", "del", "dev", device], { allowFailure: true });
  if (await detourIsThere(netns, device)) {
    throw new ChaoslabError("internal", `${netns}: ${device} could not be removed`);
  }
  // Made by the first of our detours, and none was there before: it goes with the last, unless somebody uses it by now.
  if ((await ownBlocks(netns)).length > 0 || (await hasFilters(netns, from))) return;
  if (await isHooked(netns, from))
    await execIn(netns, ["tc", "qdisc", "del", "dev", from, "clsact"], { allowFailure: true });
}

async function hasFilters(
  netns: string,
  from: string,
  hooks: readonly string[] = ["ingress", "egress"],
): Promise<boolean> {
  const shown = await Promise.all(
    hooks.map((hook) => execIn(netns, ["tc", "filter", "show", "dev", from, hook], { allowFailure: true })),
  );
  return shown.some(({ stdout }) => stdout.trim() !== "");
}

async function isHooked(netns: string, from: string): Promise<boolean> {
  const { stdout } = await execIn(netns, ["tc", "qdisc", "show", "dev", from], { allowFailure: true });
  return /^qdisc (ingress|clsact) /m.test(stdout);
}

async function ownBlocks(netns: string): Promise<string[]> {
  const { stdout } = await execIn(netns, ["ip", "-o", "link", "show", "type", "ifb"], {
    allowFailure: true,
  });
  return stdout.split("\n").filter((line) => line.includes(` ${PREFIX}`));
}

const textIn = async (netns: string, path: string): Promise<string> =>
  (await execIn(netns, ["cat", path])).stdout.trim();

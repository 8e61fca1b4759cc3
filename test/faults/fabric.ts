/**
 * A real routed network of namespaces, small and short-lived: a fabric that forwards, and nodes a, b and c.
 * @module
 */
import { existsSync } from "node:fs";
import { exec } from "../../src/lab/exec.ts";
import type { Target } from "../../src/lab/target.ts";

const NODES = ["a", "b", "c"] as const;
export type Node = (typeof NODES)[number];

export class Fabric {
  constructor(readonly name: string) {}

  get namespaces(): string[] {
    return ["fabric", ...NODES].map((each) => `${this.name}-${each}`);
  }
  path(of: Node | "fabric"): string {
    return `/run/netns/${this.name}-${of}`;
  }
  address(node: Node): string {
    return `198.18.0.${11 + NODES.indexOf(node)}`;
  }
  target(node: Node): Target {
    return {
      name: node,
      address: this.address(node),
      netns: this.path(node),
      device: "eth0",
      fabric: { netns: this.path("fabric"), device: node },
      cgroup: null,
      stopSignal: "SIGTERM",
      volume: null,
      url: null,
      supervisor: null,
      links: null,
    };
  }

  /** The target, and the peer if there is one. */
  targetsOf(target: Node, peer?: string): { target: Target; others: Record<string, Target> } {
    const others = peer === undefined ? {} : { [peer]: this.target(peer as Node) };
    return { target: this.target(target), others };
  }

  async up(): Promise<void> {
    const fabric = `${this.name}-fabric`;
    await ip([
      ...this.namespaces.map((each) => `netns add ${each}`),
      ...NODES.map(
        (node) => `link add name eth0 netns ${this.name}-${node} type veth peer name ${node} netns ${fabric}`,
      ),
    ]);
    await exec(inside(this.path("fabric"), ["tee", "/proc/sys/net/ipv4/ip_forward"]), { input: "1" });
    await ip(
      [
        "link set lo up",
        "addr add 198.18.0.2/32 dev lo",
        ...NODES.flatMap((node) => [
          `link set dev ${node} up`,
          `route add ${this.address(node)} dev ${node}`,
        ]),
      ],
      fabric,
    );
    for (const node of NODES) {
      const lines = ["link set lo up", `addr add ${this.address(node)}/32 dev eth0`, "link set eth0 up"];
      await ip([...lines, "route add default via 198.18.0.2 dev eth0 onlink"], `${this.name}-${node}`);
    }
  }

  async down(): Promise<void> {
    for (const each of this.namespaces) {
      if (existsSync(`/run/netns/${each}`)) await exec(["ip", "netns", "del", each]);
    }
  }

  /** Rules of the fabric's mangle FORWARD, one a line. */
  async rules(): Promise<string[]> {
    const { stdout } = await exec(
      inside(this.path("fabric"), ["iptables", "-w", "-t", "mangle", "-S", "FORWARD"]),
    );
    return stdout.split("\n").filter((line) => line.startsWith("-A"));
  }
}

export const inside = (netns: string, argv: string[]): string[] => ["nsenter", `--net=${netns}`, ...argv];

async function ip(lines: string[], namespace?: string): Promise<void> {
  const where = namespace === undefined ? [] : ["-n", namespace];
  await exec(["ip", ...where, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** Processes on this machine whose command line holds the text. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for await (const path of new Bun.Glob("[0-9]*/cmdline").scan({ cwd: "/proc", onlyFiles: true })) {
    const line = await Bun.file(`/proc/${path}`)
      .text()
      .catch(() => "");
    if (line.replaceAll("\0", " ").includes(text)) found.push(Number(path.split("/")[0]));
  }
  return found;
}

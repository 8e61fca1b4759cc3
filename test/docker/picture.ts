/** Everything that a fault may change in the containers of a lab, as the kernel and the nodes show it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DockerLab } from "../../src/lab/docker/lab.ts";
import { exec } from "../../src/lab/exec.ts";
import { inNamespace } from "../../src/lab/netns.ts";

const LIMITS = ["cpu.cfs_quota_us", "cpu.max", "memory.limit_in_bytes", "memory.max"];
const FREEZERS = ["freezer.state", "cgroup.freeze"];

export async function pictureOf(lab: DockerLab): Promise<unknown> {
  const nodes = await Promise.all(lab.nodeNames.map((node) => nodePicture(lab, node)));
  const toxiproxy = (await lab.target("payments")).links?.server;
  const token = toxiproxy?.tokenFile ? readFileSync(toxiproxy.tokenFile, "utf8").trim() : "";
  const proxies = await fetch(`${toxiproxy?.url}/proxies`, { headers: { authorization: `Bearer ${token}` } });
  const toxics = Object.entries((await proxies.json()) as Record<string, { toxics: unknown[] }>);
  return {
    nodes,
    toxics: toxics.map(([name, proxy]) => [name, proxy.toxics]).toSorted(),
    behaviour: await (await fetch(`${lab.services.get("payments")}/behaviour`)).json(),
  };
}

async function nodePicture(lab: DockerLab, node: string): Promise<unknown> {
  const { netns, cgroup, volume, url } = await lab.target(node);
  const lines = async (argv: string[]): Promise<string[]> =>
    (await exec(inNamespace(netns ?? "", argv))).stdout.split("\n").filter(Boolean);
  const controls = (cgroup?.dirs ?? []).flatMap((dir) =>
    [...LIMITS, ...FREEZERS]
      .map((file) => join(dir, file))
      .filter((path) => existsSync(path))
      // A container that was made anew has another id.
      .map((path) => [path.replace(/[0-9a-f]{64}/, "ID"), readFileSync(path, "utf8").trim()]),
  );
  const pids = (cgroup?.dirs ?? []).flatMap((dir) =>
    readFileSync(join(dir, "cgroup.procs"), "utf8").split("\n").filter(Boolean),
  );
  const answer = url === null ? null : await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const date = Date.parse(answer?.headers.get("date") ?? "");
  return {
    node,
    rules: (await lines(["iptables-save", "-t", "mangle"])).filter((line) => line.startsWith("-A")),
    qdiscs: await lines(["tc", "qdisc", "show"]),
    links: (await lines(["ip", "-o", "link"])).map((line) => line.split(": ")[1]?.split("@")[0]),
    controls,
    stopped: pids.some((pid) => {
      try {
        return /^State:\s+[Tt]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
      } catch {
        return false;
      }
    }),
    isSkewed: !Number.isNaN(date) && Math.abs(date - Date.now()) > 3_000,
    fills: volume === null ? [] : readdirSync(volume.path).filter((name) => name.startsWith(".chaoslab")),
  };
}

/** What an engine changes on a host's network and leaves there when it ends, to be put back. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { exec } from "../../src/lab/exec.ts";

/** One table of iptables: rules as iptables-save writes them, and chains with their policies ("-" for a user's own). */
interface Table {
  chains: Map<string, string>;
  rules: string[];
}

export interface HostNetwork {
  tables: Map<string, Table>;
  links: Set<string>;
  sysctls: Map<string, string>;
}

/** An engine turns these on. Those of the bridge filter are there only once a bridge has been. */
const SYSCTLS = ["ipv4/ip_forward", "bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"];
const sysctlPath = (name: string): string => `/proc/sys/net/${name}`;

function parseTables(saved: string): Map<string, Table> {
  const tables = new Map<string, Table>();
  let table: Table = { chains: new Map(), rules: [] };
  for (const line of saved.split("\n")) {
    if (line.startsWith("*")) {
      table = { chains: new Map(), rules: [] };
      tables.set(line.slice(1), table);
    } else if (line.startsWith(":")) {
      const [chain = "", policy = "-"] = line.slice(1).split(" ");
      table.chains.set(chain, policy);
    } else if (line.startsWith("-A ")) table.rules.push(line.slice("-A ".length));
  }
  return tables;
}

export async function hostNetwork(): Promise<HostNetwork> {
  const links = (await exec(["ip", "-o", "link"])).stdout
    .split("\n")
    .map((line) => (line.split(": ")[1] ?? "").split("@")[0] ?? "");
  return {
    tables: parseTables((await exec(["iptables-save"])).stdout),
    links: new Set(links.filter(Boolean)),
    sysctls: new Map(
      SYSCTLS.filter((name) => existsSync(sysctlPath(name))).map((name) => [
        name,
        readFileSync(sysctlPath(name), "utf8").trim(),
      ]),
    ),
  };
}

/**
 * The input of `iptables-restore --noflush` that takes away from `after` what was not in `before`: rules, chains and
 * policies. Empty when there is nothing.
 */
export function undoTables(before: Map<string, Table>, after: Map<string, Table>): string {
  const lines: string[] = [];
  for (const [name, { chains, rules }] of after) {
    const old = before.get(name);
    const made = [...chains].filter(([chain, policy]) => policy === "-" && !old?.chains.has(chain));
    const isMade = (chain: string) => made.some(([each]) => each === chain);
    const changed = [...chains].flatMap(([chain, policy]) => {
      const was = old?.chains.get(chain) ?? "ACCEPT";
      return policy === "-" || policy === was ? [] : [`:${chain} ${was} [0:0]`];
    });
    const left = [...(old?.rules ?? [])];
    const extra = rules.filter((rule) => {
      if (isMade(rule.split(" ")[0] ?? "")) return false;
      const at = left.indexOf(rule);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
    const commands = [
      ...changed,
      ...extra.map((rule) => `-D ${rule}`),
      ...made.map(([chain]) => `-F ${chain}`),
      ...made.map(([chain]) => `-X ${chain}`),
    ];
    if (commands.length > 0) lines.push(`*${name}`, ...commands, "COMMIT");
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** Takes the host's network back to what it was: an engine that ends leaves its rules, policies and bridges. */
export async function restoreNetwork(before: HostNetwork): Promise<void> {
  const after = await hostNetwork();
  const input = undoTables(before.tables, after.tables);
  if (input !== "") await exec(["iptables-restore", "--noflush", "--wait"], { input });
  for (const link of after.links) {
    const isEngines = link === "docker0" || /^br-[0-9a-f]{12}$/.test(link);
    if (isEngines && !before.links.has(link)) await exec(["ip", "link", "delete", link]);
  }
  for (const [name, value] of before.sysctls) writeFileSync(sysctlPath(name), value);
}

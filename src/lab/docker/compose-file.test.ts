/** docker-compose.yml and its override against the lab of a host: one system, described twice. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { LINKS, linkProxies, type ProxyChoice } from "../host/links.ts";
import { type LabContext, nodeSpecs } from "../host/nodes.ts";
import { DEFAULT_CHOICES, LabPaths } from "../host/record.ts";
import { NODE_NAMES, type NodeName, SERVICES, Topology } from "../host/topology.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const topology = new Topology("docker", 510, [...NODE_NAMES, "toxiproxy"]);

interface Service {
  image?: string;
  user?: string;
  privileged?: boolean;
  labels?: Record<string, string>;
  environment?: Record<string, string>;
  networks?: Record<string, { ipv4_address?: string }>;
  ports?: string[];
  healthcheck?: { interval: string };
  stop_signal?: string;
  cap_drop?: string[];
  volumes?: string[];
  profiles?: string[];
}

interface ComposeFile {
  version?: string;
  name?: string;
  services: Record<string, Service>;
  networks?: Record<string, { internal?: boolean; ipam?: { config: { subnet: string }[] } }>;
  volumes?: Record<string, { driver_opts?: Record<string, string> }>;
}

const text = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** The file as it is without a setting: `${NAME:-default}` is the default, `${NAME:?message}` a placeholder. */
function composeFile(path: string): ComposeFile {
  const interpolated = text(path)
    .replaceAll(/\$\{\w+:-([^}]*)\}/g, "$1")
    .replaceAll(/\$\{(\w+):\?[^}]*\}/g, "$1");
  return parse(interpolated, { merge: true }) as ComposeFile;
}

const file = composeFile("docker-compose.yml");
const proxied = composeFile("docker/through-toxiproxy.yml");
const service = (name: string): Service => {
  const found = file.services[name];
  if (!found) throw new Error(`no service ${name}`);
  return found;
};

/** What a lab on a host tells a node, with the secrets and paths of the containers. */
function environmentOnHost(node: NodeName, toxiproxy: ProxyChoice): Record<string, string> {
  const paths = new LabPaths("docker");
  const user = { uid: 1, gid: 1 };
  const context: LabContext = {
    topology: new Topology("docker", 510),
    paths,
    record: {
      ...DEFAULT_CHOICES,
      name: "docker",
      subnet: 510,
      boot_id: "",
      created_at: "",
      state: "ready",
      supervisor: null,
      toxiproxy,
      postgres_password: String(service("pg-primary").environment?.POSTGRES_PASSWORD),
      jwt_secret: String(service("api").environment?.JWT_SECRET),
    },
    programs: {
      postgresBin: "/bin",
      redisServer: "redis-server",
      postgresUser: user,
      redisUser: user,
      prometheus: null,
    },
  };
  const env = {
    ...nodeSpecs(context)[node]?.env,
    HOST: "0.0.0.0",
    MITIGATIONS_FILE: "/lab/mitigations.json",
  };
  return "LEDGER_PATH" in env ? { ...env, LEDGER_PATH: "/ledger/ledger.sqlite" } : env;
}

describe("docker-compose.yml", () => {
  test("has nothing at its top that only one of the two generations of compose takes", () => {
    expect(Object.keys(file).filter((key) => !key.startsWith("x-"))).toEqual([
      "services",
      "networks",
      "volumes",
    ]);
  });

  test("gives every node the address that a lab with its number has", () => {
    for (const place of topology.places) {
      expect(service(place).networks?.lab?.ipv4_address).toBe(topology.address(place));
    }
    const addresses = Object.values(file.services).map((each) => each.networks?.lab?.ipv4_address);
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(file.networks?.lab).toMatchObject({
      internal: true,
      ipam: { config: [{ subnet: topology.cidr }] },
    });
  });

  test("tells each service what a lab on a host tells it", () => {
    for (const node of SERVICES) expect(service(node).environment).toEqual(environmentOnHost(node, null));
  });

  test("configures PostgreSQL as a lab on a host does", () => {
    const conf = new Map(
      text("docker/lib/postgres.conf")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line): [string, string] => {
          const [key = "", value = ""] = line.split(" = ");
          return [key, value.replaceAll("'", "")];
        }),
    );
    const source = text("src/lab/host/nodes.ts");
    const settings = /POSTGRES_SETTINGS[^{]*\{([^}]*)\}/.exec(source)?.[1] ?? "";
    const onHost = [...settings.matchAll(/(\w+): "([^"]*)"/g)].map(([, key = "", value = ""]) => [
      key,
      value,
    ]);
    expect(onHost.length).toBeGreaterThan(5);
    expect(Object.fromEntries(conf)).toEqual({ ...Object.fromEntries(onHost), unix_socket_directories: "" });
  });

  test("labels every container and drops its capabilities, and publishes ports on loopback alone", () => {
    for (const [name, { labels, cap_drop, ports = [], privileged }] of Object.entries(file.services)) {
      expect({ name, labels, cap_drop, privileged }).toEqual({
        name,
        labels: { "chaoslab.lab": "docker" },
        cap_drop: ["ALL"],
        privileged: undefined,
      });
      for (const port of ports) expect(port).toStartWith("127.0.0.1:");
    }
    const publishing = Object.entries(file.services).filter(([, { ports }]) => ports);
    expect(publishing.map(([name]) => name)).toEqual(["chaos", "prometheus", "grafana"]);
  });

  test("checks health seldom enough: less than 0.6 checks a second, no two in step", () => {
    const checked = Object.values(file.services).filter(({ profiles }) => !profiles);
    const intervals = checked.flatMap(({ healthcheck }) =>
      healthcheck ? [Number(/^(\d+)s$/.exec(healthcheck.interval)?.[1])] : [],
    );
    expect(intervals).toHaveLength(10);
    expect(new Set(intervals).size).toBe(intervals.length);
    expect(intervals.reduce((sum, interval) => sum + 1 / interval, 0)).toBeLessThan(0.6);
  });

  test("keeps the primary's data on a volume with a size, which others than its database hold too", () => {
    expect(file.volumes?.["pg-primary"]?.driver_opts).toMatchObject({
      type: "tmpfs",
      o: expect.stringMatching(/\bsize=512m\b/),
    });
    for (const name of ["pg-primary", "client", "chaos"]) {
      expect(service(name).volumes?.some((volume) => volume.startsWith("pg-primary:"))).toBe(true);
    }
    for (const name of ["pg-primary", "pg-replica"]) expect(service(name).stop_signal).toBe("SIGINT");
  });
});

describe("docker/through-toxiproxy.yml", () => {
  const proxies = linkProxies(topology, { url: null });

  test("the server begins with the proxies of every link", () => {
    const wanted = proxies.map(({ name, listen, upstream }) => ({ name, listen, upstream, enabled: true }));
    expect(JSON.parse(text("docker/lib/toxiproxy.json"))).toEqual(wanted);
  });

  test("leads every link through its proxy, and nothing else", () => {
    const callers = new Set(LINKS.map(({ caller }) => caller));
    expect(Object.keys(proxied.services).toSorted()).toEqual([...callers, "toxiproxy"].toSorted());
    for (const caller of callers) {
      const environment = { ...service(caller).environment, ...proxied.services[caller]?.environment };
      expect(environment).toEqual(environmentOnHost(caller, { url: null }));
    }
    expect(proxied.services.toxiproxy?.labels).toEqual({ "chaoslab.toxiproxy": "true" });
  });
});

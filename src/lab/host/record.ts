/**
 * What is written down about a lab before anything is made: one folder per lab, holding its record,
 * its data, its logs and the journal of its faults.
 * @module
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { ChaoslabError, codeOf } from "../../cli/errors.ts";
import type { Seeded } from "../lab.ts";
import { bootId, type ProcessRef, self } from "../process.ts";
import type { ProxyChoice } from "./links.ts";
import {
  EXPORTER_NODE,
  NODE_NAMES,
  PROMETHEUS_NODE,
  PROXY_NODE,
  SUBNET_COUNT,
  Topology,
} from "./topology.ts";

/** Root of all labs' state; CHAOSLAB_HOME moves it. */
export function stateRoot(): string {
  return process.env.CHAOSLAB_HOME || "/var/lib/chaoslab";
}

export const DEFAULT_SEEDED: Seeded = { orders: 10_000, products: 1_000, tenants: 20 };

/** What a lab is booted with. */
export interface LabChoices {
  /** What its database is seeded with: a load must ask for the same. */
  seeded: Seeded;
  /** The proxies between its nodes; null: they talk directly. */
  toxiproxy: ProxyChoice;
  /** Whether a Prometheus of its own watches it. */
  prometheus: boolean;
}

export const DEFAULT_CHOICES: LabChoices = { seeded: DEFAULT_SEEDED, toxiproxy: null, prometheus: false };

export interface LabRecord extends LabChoices {
  name: string;
  subnet: number;
  /** Boot of the host this record was written in: after a reboot only files are left. */
  boot_id: string;
  created_at: string;
  state: "booting" | "ready" | "stopping";
  supervisor: ProcessRef | null;
  /** Generated per lab; the folder is the secret's only home. */
  postgres_password: string;
  jwt_secret: string;
}

/** Paths inside one lab's folder. */
export class LabPaths {
  readonly dir: string;
  constructor(readonly lab: string) {
    this.dir = join(stateRoot(), "labs", lab);
  }
  get record(): string {
    return join(this.dir, "lab.json");
  }
  get journal(): string {
    return join(this.dir, "faults.ndjson");
  }
  get socket(): string {
    return join(this.dir, "supervisor.sock");
  }
  get runLock(): string {
    return join(this.dir, "run.lock");
  }
  /** The mitigations that its services begin with. */
  get mitigations(): string {
    return join(this.dir, "mitigations.json");
  }
  /** The proxies that the lab's own Toxiproxy begins with. */
  get toxiproxyConfig(): string {
    return join(this.dir, "toxiproxy.json");
  }
  /** There once proxies may have been made on a server that was there before. */
  get proxiesMade(): string {
    return join(this.dir, "proxies.made");
  }
  /** The configuration of its Prometheus, with its rules beside it. */
  get prometheus(): string {
    return join(this.dir, "prometheus");
  }
  /** The token that its Toxiproxy asks for. */
  get toxiproxyToken(): string {
    return join(this.dir, "toxiproxy.token");
  }
  log(node: string): string {
    return join(this.dir, "logs", `${node}.log`);
  }
  data(node: string): string {
    return join(this.dir, "data", node);
  }
  /** Mount point of a node's own sized volume. */
  volume(node: string): string {
    return join(this.dir, "volumes", node);
  }
  volumeImage(node: string): string {
    return join(this.dir, "volumes", `${node}.img`);
  }
}

/** What names and addresses of a lab follow from. */
export type LabShape = Pick<LabRecord, "name" | "subnet" | "toxiproxy" | "prometheus">;

export function topologyOf({ name, subnet, toxiproxy, prometheus }: LabShape): Topology {
  return new Topology(name, subnet, [
    ...NODE_NAMES,
    ...(toxiproxy?.url === null ? ([PROXY_NODE] as const) : []),
    ...(prometheus ? ([EXPORTER_NODE, PROMETHEUS_NODE] as const) : []),
  ]);
}

const NAME = /^[a-z][a-z0-9-]{0,15}$/;

export function checkLabName(name: string): string {
  if (!NAME.test(name)) {
    throw new ChaoslabError(
      "usage",
      `--lab: ${JSON.stringify(name)} is not a lab name`,
      "1 to 16 lower-case letters, digits and dashes, beginning with a letter",
    );
  }
  return name;
}

export function readRecord(name: string): LabRecord | null {
  try {
    return JSON.parse(readFileSync(new LabPaths(name).record, "utf8")) as LabRecord;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    if (codeOf(error) === "EACCES")
      throw new ChaoslabError("permission", `lab ${name}: its record needs root`, "run it with sudo");
    throw new ChaoslabError(
      "labFailed",
      `lab ${name}: its record cannot be read`,
      `chaoslab down --lab ${name} removes it`,
    );
  }
}

/** Replaces the record atomically, so that a crash leaves the old one or the new one. */
export function writeRecord(record: LabRecord): void {
  const path = new LabPaths(record.name).record;
  const fd = openSync(`${path}.new`, "w", 0o600);
  try {
    writeSync(fd, `${JSON.stringify(record, null, 2)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.new`, path);
}

/** Names of the labs that have a folder on this host. */
export function labNames(): string[] {
  try {
    return readdirSync(join(stateRoot(), "labs")).sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** The folder of a lab that is not this host's to boot; that it is there is fine. Users of other labs must get past it. */
export function makeLabFolder({ dir }: LabPaths): void {
  const before = process.umask(FOLDERS_UMASK);
  try {
    inFolder("labs", () => mkdirSync(dir, { recursive: true, mode: 0o755 }));
  } finally {
    process.umask(before);
  }
}

/** Postgres and Redis are other users, whom a careful root's own umask would keep out of the folders above theirs. */
export const FOLDERS_UMASK = 0o022;

/** Acts in a folder of the state's root, made if need be; another lab's end may remove it in between. */
function inFolder<T>(folder: string, act: () => T): T {
  for (let attempt = 1; ; attempt++) {
    mkdirSync(join(stateRoot(), folder), { recursive: true, mode: 0o755 });
    try {
      return act();
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || attempt === 5) throw error;
    }
  }
}

function subnetClaim(subnet: number): string {
  return join(stateRoot(), "subnets", String(subnet));
}

/**
 * Reserves a name and a subnet, and writes the record, with this process as the lab's supervisor. Both reservations
 * are atomic creations in the file system, so two labs booting at once cannot get the same.
 * @param inUse tells whether something outside chaoslab already uses a subnet.
 */
export function reserveLab(
  name: string,
  inUse: (topology: Topology) => boolean,
  choices: Partial<LabChoices> = {},
): LabRecord {
  const paths = new LabPaths(name);
  try {
    inFolder("labs", () => mkdirSync(paths.dir, { mode: 0o755 }));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    const hint = `chaoslab status --lab ${name}; chaoslab down --lab ${name} forgets a system that was attached`;
    throw new ChaoslabError("busy", `lab ${name} is already up or booting`, hint);
  }
  const subnet = claimSubnet(name, inUse);
  const record: LabRecord = {
    name,
    subnet,
    boot_id: bootId(),
    created_at: new Date().toISOString(),
    state: "booting",
    // From the first moment: without a living supervisor another boot takes the lab for remains.
    supervisor: self(),
    ...DEFAULT_CHOICES,
    ...choices,
    postgres_password: secret(),
    jwt_secret: secret(),
  };
  writeRecord(record);
  for (const sub of ["logs", "data", "volumes"]) mkdirSync(join(paths.dir, sub), { mode: 0o755 });
  return record;
}

function claimSubnet(name: string, inUse: (topology: Topology) => boolean): number {
  for (let subnet = 0; subnet < SUBNET_COUNT; subnet++) {
    if (inUse(new Topology(name, subnet))) continue;
    try {
      const fd = inFolder("subnets", () => openSync(subnetClaim(subnet), "wx", 0o644));
      writeSync(fd, name);
      closeSync(fd);
      return subnet;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
  }
  throw new ChaoslabError(
    "labFailed",
    "no free subnet in 198.18.0.0/15",
    "chaoslab down --all frees those of old labs",
  );
}

/** Removes a lab's files and gives its subnet back: the last step of taking it down. */
export function releaseLab(name: string): void {
  const claims = join(stateRoot(), "subnets");
  try {
    for (const claim of readdirSync(claims)) {
      if (readFileSync(join(claims, claim), "utf8") === name) rmSync(join(claims, claim), { force: true });
    }
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  rmSync(new LabPaths(name).dir, { recursive: true, force: true });
  // The last lab leaves nothing at all.
  for (const folder of [join(stateRoot(), "labs"), claims, stateRoot()]) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (!["ENOENT", "ENOTEMPTY", "EBUSY"].includes(codeOf(error) ?? "")) throw error;
    }
  }
}

/** 256 random bits in 43 characters that need no escaping anywhere. */
export function secret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
}

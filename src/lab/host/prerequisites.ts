/**
 * What a host must offer before anything on it is touched.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ChaoslabError } from "../../cli/errors.ts";

/** Where Debian and Red Hat families keep PostgreSQL's server programs, which are not on the PATH. */
function postgresBinDirs(): string[] {
  const versions = (root: string, bin: (v: string) => string): string[] =>
    existsSync(root)
      ? readdirSync(root)
          .filter((name) => /^(pgsql-)?\d+$/.test(name))
          .sort((a, b) => Number(b.replace("pgsql-", "")) - Number(a.replace("pgsql-", "")))
          .map((name) => join(root, bin(name)))
      : [];
  return [
    ...(process.env.CHAOSLAB_POSTGRES_BIN ? [process.env.CHAOSLAB_POSTGRES_BIN] : []),
    ...versions("/usr/lib/postgresql", (v) => `${v}/bin`),
    ...versions("/usr", (v) => `${v}/bin`),
    "/usr/local/bin",
    "/usr/bin",
  ];
}

export interface HostPrograms {
  /** Folder with postgres, initdb and pg_basebackup of one version. */
  postgresBin: string;
  redisServer: string;
  /** Unprivileged users that the databases run as. */
  postgresUser: User;
  redisUser: User;
  /** Null where no lab asked for it. */
  prometheus: { program: string; user: User } | null;
}

export interface User {
  uid: number;
  gid: number;
}

/** The first of these users that exists here. */
function existingUser(...names: string[]): User {
  const entries = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const name of names) {
    const entry = entries.find((fields) => fields[0] === name);
    if (entry) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new ChaoslabError(
    "prerequisite",
    `no unprivileged user for the databases: none of ${names.join(", ")} exists`,
  );
}

export function requireRoot(what: string): void {
  if (process.getuid?.() !== 0) {
    throw new ChaoslabError(
      "permission",
      `${what} needs root, as network namespaces and cgroups do`,
      "run it with sudo",
    );
  }
}

const PACKAGES: Readonly<Record<string, string>> = {
  ip: "iproute2",
  tc: "iproute2",
  iptables: "iptables",
  nsenter: "util-linux",
  unshare: "util-linux",
  setpriv: "util-linux",
  mount: "mount",
  "mkfs.ext4": "e2fsprogs",
};

export interface Missing {
  missing: string[];
  /** Debian packages that hold them. */
  packages: string[];
  /** What was found; null while anything is missing. */
  found: { postgresBin: string; redisServer: string } | null;
}

/** Looks for every program that a lab runs. */
export function missingPrograms(): Missing {
  // A root shell made by plain `su` lacks the sbin folders.
  process.env.PATH = `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;
  const missing: string[] = [];
  const packages = new Set<string>();
  for (const [program, pkg] of Object.entries(PACKAGES)) {
    if (Bun.which(program)) continue;
    missing.push(program);
    packages.add(pkg);
  }
  const postgresBin = postgresBinDirs().find((dir) =>
    ["postgres", "initdb", "pg_basebackup"].every((program) => existsSync(join(dir, program))),
  );
  if (!postgresBin) {
    missing.push("PostgreSQL's server (postgres, initdb, pg_basebackup)");
    packages.add("postgresql");
  }
  const redisServer = Bun.which("redis-server");
  if (!redisServer) {
    missing.push("redis-server");
    packages.add("redis-server");
  }
  const found = missing.length === 0 && postgresBin && redisServer ? { postgresBin, redisServer } : null;
  return { missing, packages: [...packages], found };
}

/** Checks root and every program the lab runs; throws one line that names all that is missing. */
export function checkHost(wanted: { prometheus?: boolean } = {}): HostPrograms {
  requireRoot("a lab");
  const { missing, packages, found } = missingPrograms();
  const prometheus = wanted.prometheus ? Bun.which("prometheus") : null;
  if (wanted.prometheus && prometheus === null) {
    missing.push("prometheus");
    packages.push("prometheus");
  }
  if (!found || missing.length > 0) {
    throw new ChaoslabError(
      "prerequisite",
      `not installed here: ${missing.join(", ")}`,
      `on Debian: apt-get install ${packages.join(" ")}`,
    );
  }
  return {
    ...found,
    postgresUser: existingUser("postgres", "nobody"),
    redisUser: existingUser("redis", "nobody"),
    prometheus:
      prometheus === null ? null : { program: prometheus, user: existingUser("prometheus", "nobody") },
  };
}

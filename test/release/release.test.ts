/**
 * The released file alone, in a Debian that was made for it: no repository, no node, no npm. First as it is, then with
 * what `doctor` named installed.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { exec } from "../../src/lab/exec.ts";
import type { LabDocument } from "../../src/lab/host/manage.ts";
import { type Finished, hostPicture, oneLine } from "../support.ts";
import { DebianRoot } from "./root.ts";

setDefaultTimeout(180_000);

const REPO = resolve(import.meta.dir, "../..");
const FOLDER = "/opt/lone";
const LAB = ["--lab", "test-lone"];
/** Where chaoslab may write. */
const ITS_OWN = ["/tmp", "/var/lib/chaoslab"];
/** Where ip(8) and mount(8) keep a folder of theirs until the host is booted again. */
const RUN = "/run";
const possible =
  process.getuid?.() === 0 &&
  process.arch === "x64" &&
  (Bun.which("mmdebstrap") !== null || process.env.CHAOSLAB_TEST_ROOT !== undefined);

if (!possible) process.stderr.write("release: skipped: needs root, x86-64 and mmdebstrap\n");

describe.if(possible)("the lone file", () => {
  let root: DebianRoot;
  const scratch = mkdtempSync(join(tmpdir(), "chaoslab-release-"));
  const lone = (...args: string[]): Promise<Finished> => root.run(["./chaoslab", ...args], FOLDER);
  let answered = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => {
      answered++;
      return new Response("ok");
    },
  });
  let untouched: Record<string, string>;
  /** Words for apt-get, as doctor names them. */
  let named: string[] = [];

  beforeAll(async () => {
    const binary = join(scratch, "chaoslab-linux-x64");
    const build = exec([join(REPO, "scripts/build"), "bun-linux-x64", binary], { timeoutMs: 150_000 });
    // Both to their ends, so that a failure of one leaves no folder of the other.
    const [built, made] = await Promise.allSettled([build, DebianRoot.make()]);
    if (made.status === "rejected") throw made.reason;
    root = made.value;
    if (built.status === "rejected") throw built.reason;
    mkdirSync(root.dir + FOLDER);
    copyFileSync(binary, `${root.dir}${FOLDER}/chaoslab`);
    untouched = root.files(...ITS_OWN);
  });

  afterAll(async () => {
    await server.stop(true);
    rmSync(scratch, { recursive: true, force: true });
    expect((await root?.remove()) ?? []).toEqual([]);
  });

  test("is in a Debian without node, npm, bun or PostgreSQL", async () => {
    for (const program of ["node", "npm", "bun", "git", "redis-server", "ip"])
      expect(untouched).not.toContainAnyKeys([`/usr/bin/${program}`, `/usr/sbin/${program}`]);
    expect(Object.keys(untouched).filter((path) => path.startsWith("/usr/lib/postgresql"))).toEqual([]);
    expect((await root.run(["ls", "-A"], FOLDER)).stdout).toBe("chaoslab\n");
  });

  test("tells its version, its help and its manual", async () => {
    expect(await lone("--version")).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^chaoslab \d+\.\d+\.\d+\n$/),
      stderr: "",
    });
    expect((await lone("--help")).stdout).toContain("chaoslab <command>");
    const topics = await lone("docs");
    expect(topics.code).toBe(0);
    expect(topics.stdout).toMatch(/^load +The load generator /m);
    const manual = { code: 0, stdout: readFileSync(join(REPO, "docs/load.md"), "utf8"), stderr: "" };
    expect(await lone("docs", "load")).toEqual(manual);
    const unknown = await lone("docs", "scenarois");
    expect(unknown.code).toBe(2);
    expect(oneLine(unknown)).toContain("(did you mean scenarios?)");
  });

  test("doctor names what is missing, by Debian's packages", async () => {
    const { code, stdout, stderr } = await lone("doctor");
    expect({ code, stderr }).toEqual({ code: 4, stderr: "" });
    const [, programs, packages] =
      /^no {2}programs +not installed: (.*); on Debian: apt-get install (.*)$/m.exec(stdout) ?? [];
    expect(programs).toContain("PostgreSQL's server (postgres, initdb, pg_basebackup), redis-server");
    named = packages?.split(" ") ?? [];
    expect(named).toEqual(expect.arrayContaining(["iproute2", "iptables", "postgresql", "redis-server"]));
  });

  test("up refuses in one line, with the same packages", async () => {
    const refused = await lone("up", ...LAB);
    expect(refused.code).toBe(4);
    expect(oneLine(refused)).toContain(`(on Debian: apt-get install ${named.join(" ")})`);
  });

  test("loads a server", async () => {
    const { code, stdout } = await lone("load", server.url.href, "--rate", "100", "--for", "2s", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ requests: answered, dropped: 0 });
    expect(answered).toBeGreaterThan(100);
  });

  test("checks a schedule that lies beside it", async () => {
    copyFileSync(join(REPO, "schedules/cascade.yaml"), `${root.dir}${FOLDER}/cascade.yaml`);
    try {
      const { code, stdout } = await lone("validate", "cascade.yaml");
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^cascade\.yaml: ok: /) });
    } finally {
      rmSync(`${root.dir}${FOLDER}/cascade.yaml`);
    }
  });

  test("has written nothing but into /tmp and its state, and runs no more", () => {
    expect(root.files(...ITS_OWN)).toEqual(untouched);
    expect(root.mounts()).toEqual([]);
    expect(root.processes()).toEqual([]);
  });

  describe("with what doctor named installed", () => {
    let before: Record<string, unknown>;
    let installed: Record<string, string>;

    beforeAll(async () => {
      before = await hostPicture();
      await root.apt("update");
      await root.apt("install", "--no-install-recommends", ...named);
      installed = root.files(...ITS_OWN, RUN);
    });

    test("doctor misses no program", async () => {
      expect((await lone("doctor")).stdout).toMatch(/^ok {2}programs +all installed$/m);
    });

    test("a lab comes up, is ready, and goes down", async () => {
      const up = await lone("up", ...LAB);
      const status = await lone("status", ...LAB, "--json");
      const down = await lone("down", ...LAB);
      expect(up).toMatchObject({ code: 0, stderr: expect.stringContaining("is ready after") });
      const [lab] = JSON.parse(status.stdout) as LabDocument[];
      expect(lab?.nodes.filter(({ state }) => state !== "ready")).toEqual([]);
      expect(down).toMatchObject({ code: 0, stderr: expect.stringContaining("removed in") });
    });

    test("nothing of it is left, in that Debian or on this host", async () => {
      expect(root.files(...ITS_OWN, RUN)).toEqual(installed);
      expect(root.mounts().filter((point) => !point.startsWith(RUN))).toEqual([]);
      expect(root.processes()).toEqual([]);
      expect(await hostPicture()).toEqual(before);
    });
  });
});

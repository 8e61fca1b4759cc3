import { expect, test } from "bun:test";
import { GcLog } from "./gc-log.ts";

function readings() {
  const seen: string[] = [];
  const log = new GcLog(
    (kind, seconds) => seen.push(`${kind} ${seconds}`),
    (kind) => seen.push(`${kind} begins`),
  );
  return { log, seen };
}

test("pauses belong to the collection that began last, and other lines are left alone", () => {
  const { log, seen } = readings();
  const lines = [
    "[GC<0x2ef6c99c118>: starting 0.037049ms]",
    "Requesting GC because bytes allocated this cycle: 8402650 exceed bytes allowed: 8388608",
    "[GC<0x2ef6c99c118>: START M 8858kb => EdenCollection, a=0kb hf=0.000 i#1:N<CsMsr> 450+0 p=1.334202ms (max 1.334202)...]",
    "[GC<0x2ef6c99c118>: M a=374kb => 1084kb, p=2.5ms (max 2.5), cycle 4.281619ms END]",
    "GC END!",
    "[GC<0x2ef6c99c118>: START M 9000kb => FullCollection, a=0kb p=10ms (max 10), cycle 12ms END]",
  ];
  for (const line of lines) expect(log.take(line)).toBe(true);
  expect(seen).toEqual(["eden begins", "eden 0.001334202", "eden 0.0025", "full begins", "full 0.01"]);
  for (const line of ['{"event":"listening"}', "error: p=3ms", ""]) expect(log.take(line)).toBe(false);
  expect(seen).toHaveLength(5);
});

test("a process that is started for it counts its own collections, and its other lines stay on stderr", async () => {
  const script = `
    import { Registry } from "prom-client";
    import { watchGc } from "${import.meta.dir}/gc-log.ts";
    import { writeError } from "${import.meta.dir}/stderr.ts";
    const registry = new Registry();
    watchGc(registry);
    console.error("an error line");
    for (let i = 0; i < 3; i++) Bun.gc(true);
    writeError("a log line\\n");
    console.log(await registry.metrics());
    console.error("last words");
    process.exit(3);
  `;
  const child = Bun.spawn([process.execPath, "-e", script], {
    cwd: import.meta.dir,
    env: { ...process.env, BUN_JSC_logGC: "1" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, said] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(await child.exited).toBe(3);
  const value = (name: string): number =>
    Number(new RegExp(`^${name}\\{kind="full"\\} (\\S+)$`, "m").exec(out)?.[1]);
  expect(value("chaoslab_gc_collections_total")).toBeGreaterThanOrEqual(3);
  expect(value("chaoslab_gc_pause_seconds_count")).toBeGreaterThanOrEqual(3);
  expect(value("chaoslab_gc_pause_seconds_sum")).toBeGreaterThan(0);
  for (const line of ["an error line", "a log line", "last words"]) expect(said.split("\n")).toContain(line);
  // From when it listens on, nothing of the collector's is for people.
  expect(said.slice(said.indexOf("an error line"))).not.toContain("[GC<");
});

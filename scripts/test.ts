/**
 * Runs the test stages one after the other, prints what each took, and closes with `N passed, N failed`.
 * A check such as the linter counts as one test; a stage of `bun test` counts each of its tests, and so does one that
 * says how many passed in its last line.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Stage {
  name: string;
  argv: string[];
  /** Left out by --fast. */
  slow?: boolean;
  /** Counts the stage's tests by its last line on stdout. Null: that line has no count. */
  count?: (lastLine: string) => Count | null;
}

interface Count {
  passed: number;
  failed: number;
}

const bin = (name: string): string => join("node_modules/.bin", name);
const scratch = mkdtempSync(join(tmpdir(), "chaoslab-test-"));
const fast = process.argv.includes("--fast");
const unknown = process.argv.slice(2).filter((arg) => arg !== "--fast");
if (unknown.length > 0) {
  console.error(`test: ${unknown.join(" ")}: unknown; the only flag is --fast`);
  process.exit(2);
}

const STAGES: readonly Stage[] = [
  {
    name: "lint and format",
    argv: [
      bin("biome"),
      "ci",
      "--error-on-warnings",
      `--colors=${process.stdout.isTTY ? "force" : "off"}`,
      ".",
    ],
  },
  { name: "types", argv: [bin("tsc"), "--project", "."] },
  { name: "types of pages", argv: [bin("tsc"), "--project", "tsconfig.client.json"] },
  { name: "unit", argv: [bin("bun"), "test", "./src", "./sut", "./scripts"] },
  { name: "build", argv: ["scripts/build"] },
  { name: "command line", argv: [bin("bun"), "test", "./test/cli"] },
  { name: "prometheus", argv: [bin("bun"), "test", "./test/observe"] },
  { name: "load", argv: [bin("bun"), "test", "./test/load"], slow: true },
  { name: "faults", argv: [bin("bun"), "test", "./test/faults"], slow: true },
  { name: "system under test", argv: [bin("bun"), "test", "./test/sut"], slow: true },
  { name: "lab", argv: [bin("bun"), "test", "./test/lab"], slow: true },
  { name: "fault matrix", argv: [bin("bun"), "test", "./test/matrix"], slow: true },
  { name: "controller", argv: [bin("bun"), "test", "./test/controller"], slow: true },
  { name: "experiment", argv: [bin("bun"), "test", "./test/experiment"], slow: true },
  { name: "containers", argv: [bin("bun"), "test", "./test/docker"], slow: true },
  { name: "attached systems", argv: [bin("bun"), "test", "./test/attach"], slow: true },
  { name: "lone file", argv: [bin("bun"), "test", "./test/release"], slow: true },
  { name: "pages", argv: [bin("bun"), "test", "./test/browser"], slow: true },
  { name: "toxiproxy", argv: [bin("bun"), "test", "./test/toxiproxy"], slow: true },
  { name: "stock kernel", argv: ["scripts/test-vm"], slow: true, count: countLine },
];

/** `... N passed, N failed`; a stage that was skipped has no tests. */
function countLine(line: string): Count | null {
  const [, passed, failed] = /(\d+) passed, (\d+) failed$/.exec(line) ?? [];
  if (passed !== undefined) return { passed: Number(passed), failed: Number(failed) };
  return /: skipped: /.test(line) ? { passed: 0, failed: 0 } : null;
}

/** Counts from a JUnit file's root element; null when the runner wrote none (it crashed). */
function countJunit(path: string): Count | null {
  try {
    const root = /<testsuites[^>]*>/.exec(readFileSync(path, "utf8"))?.[0] ?? "";
    const attribute = (name: string): number =>
      Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1] ?? Number.NaN);
    const failed = attribute("failures") + (/\berrors="/.test(root) ? attribute("errors") : 0);
    const skipped = /\bskipped="/.test(root) ? attribute("skipped") : 0;
    const passed = attribute("tests") - failed - skipped;
    return Number.isNaN(passed + failed) ? null : { passed, failed };
  } catch {
    return null;
  }
}

interface Ended {
  code: number;
  lastLine: string;
}

/** The stage has this process's terminal, and colours. */
async function inherit(argv: string[]): Promise<Ended> {
  const code = await Bun.spawn(argv, { stdout: "inherit", stderr: "inherit", stdin: "ignore" }).exited;
  return { code, lastLine: "" };
}

/** Passes the stage's stdout on as it comes, and keeps its last line. */
async function relay(argv: string[]): Promise<Ended> {
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "inherit", stdin: "ignore" });
  let tail = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    process.stdout.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4_096);
  }
  return { code: await child.exited, lastLine: tail.trimEnd().split("\n").at(-1) ?? "" };
}

async function runStage(stage: Stage, index: number): Promise<Count> {
  const isTests = stage.argv[1] === "test";
  const junit = join(scratch, `${index}.xml`);
  const argv = isTests ? [...stage.argv, "--reporter=junit", `--reporter-outfile=${junit}`] : stage.argv;
  console.log(`\n=== ${stage.name}`);
  const started = performance.now();
  const { code, lastLine } = await (stage.count ? relay(argv) : inherit(argv));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const asOne = { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
  const counted = isTests ? countJunit(junit) : stage.count ? stage.count(lastLine) : asOne;
  const count = counted ?? { passed: 0, failed: 1 };
  // A runner that fails without a failed test (a file that does not load, no test found) is a failure too.
  if (code !== 0 && count.failed === 0) count.failed = 1;
  console.log(`=== ${stage.name}: ${count.passed} passed, ${count.failed} failed, ${seconds} s`);
  return count;
}

const total: Count = { passed: 0, failed: 0 };
try {
  for (const [index, stage] of STAGES.entries()) {
    if (fast && stage.slow) continue;
    const count = await runStage(stage, index);
    total.passed += count.passed;
    total.failed += count.failed;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);

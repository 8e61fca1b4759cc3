/**
 * Runs the test stages one after the other, prints what each took, and closes with `N passed, N failed`.
 * A check such as the linter counts as one test; a stage of `bun test` counts each of its tests.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Stage {
  name: string;
  argv: string[];
  /** Left out by --fast. */
  slow?: boolean;
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
  { name: "unit", argv: [bin("bun"), "test", "./src", "./sut", "./scripts"] },
  { name: "build", argv: ["scripts/build"] },
  { name: "command line", argv: [bin("bun"), "test", "./test/cli"] },
  { name: "faults", argv: [bin("bun"), "test", "./test/faults"], slow: true },
  { name: "lab", argv: [bin("bun"), "test", "./test/lab"], slow: true },
  { name: "controller", argv: [bin("bun"), "test", "./test/controller"], slow: true },
  { name: "experiment", argv: [bin("bun"), "test", "./test/experiment"], slow: true },
];

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

async function runStage(stage: Stage, index: number): Promise<Count> {
  const isTests = stage.argv[1] === "test";
  const junit = join(scratch, `${index}.xml`);
  const argv = isTests ? [...stage.argv, "--reporter=junit", `--reporter-outfile=${junit}`] : stage.argv;
  console.log(`\n=== ${stage.name}`);
  const started = performance.now();
  const code = await Bun.spawn(argv, { stdout: "inherit", stderr: "inherit", stdin: "ignore" }).exited;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const counted = isTests ? countJunit(junit) : { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
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

/**
 * How long each fault takes to inject and to revert, on a lab of its own.
 *
 *   sudo node_modules/.bin/bun bench/faults.ts [rounds, default 20] [--json]
 */
import { table } from "../src/cli/terminal.ts";
import { inject } from "../src/faults/controller.ts";
import { bootLab } from "../src/lab/host/lab.ts";
import { EXAMPLES } from "../src/model/examples.ts";
import { FAULT_TYPES, type FaultType } from "../src/model/params.ts";
import { argument, quantile, quiet } from "./kit.ts";

const rounds = argument(0, 20);
/** These end processes, so that a round takes as long as the node's restart: a few rounds must do. */
const ENDS_PROCESSES: readonly FaultType[] = ["kill", "restart"];

const ms = (value: number): string => value.toFixed(1);

const booted = await bootLab("bench", () => {}, { toxiproxy: { url: null } });
const { lab } = booted;

async function ready(): Promise<void> {
  // The supervisor hears of a death a moment after it.
  await Bun.sleep(100);
  while (!(await lab.nodes()).every((node) => node.state === "ready")) await Bun.sleep(50);
}

const document: Record<string, unknown> = {};
try {
  await quiet();
  const rows: string[][] = [];
  for (const type of FAULT_TYPES) {
    const target = type === "disk" ? "pg-primary" : "payments";
    const injects: number[] = [];
    const reverts: number[] = [];
    let backend = "";
    for (let i = 0; i < (ENDS_PROCESSES.includes(type) ? Math.min(rounds, 3) : rounds); i++) {
      await ready();
      const started = performance.now();
      const fault = await inject({
        journal: lab.paths.journal,
        fault: { type, target, params: EXAMPLES[type] },
        target: lab.target(target),
      });
      const injected = performance.now();
      const asked = Date.now();
      // Without the look whether it is gone, which comes after.
      reverts.push(((await fault.revert()).t_stop ?? Number.NaN) - asked);
      injects.push(injected - started);
      backend = fault.event.backend;
    }
    rows.push([
      type,
      backend,
      String(injects.length),
      ...[injects, reverts].flatMap((v) => [ms(quantile(v, 0.5)), ms(quantile(v, 0.99))]),
    ]);
    document[type] = {
      backend,
      inject_ms: { p50: quantile(injects, 0.5), p99: quantile(injects, 0.99) },
      revert_ms: { p50: quantile(reverts, 0.5), p99: quantile(reverts, 0.99) },
    };
  }
  console.log(
    table(
      [["fault", "backend", "rounds", "inject p50 ms", "p99", "revert p50 ms", "p99"], ...rows],
      ["left", "left", "right", "right", "right", "right", "right"],
    ),
  );

  if (process.argv.includes("--json")) console.log(`\n${JSON.stringify(document)}`);
} finally {
  await booted.down();
}

/**
 * A process that injects the fault it is given as JSON, says so, and then waits to be killed.
 * @module
 */
import { type InjectOptions, inject } from "../../src/faults/controller.ts";

const options = JSON.parse(process.argv[2] ?? "") as InjectOptions;
const active = await inject(options);
process.stdout.write(`${JSON.stringify(active.event)}\n`);
setInterval(() => {}, 1_000);

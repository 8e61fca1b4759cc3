/** The faults in force in a lab, whoever injected them: from its journal. @module */
import { openFaults } from "../../faults/journal.ts";
import type { Samples, Source } from "./samples.ts";

export class FaultSource implements Source {
  constructor(readonly journal: string) {}

  async collect(samples: Samples): Promise<void> {
    for (const { event } of openFaults(this.journal)) {
      const { id, fault_type: type, target, backend, t_start } = event;
      const labels = { id, type, target, backend };
      samples.gauge("chaoslab_fault_active", "1 while the fault is in force.", labels, 1);
      const help = "When the fault came into force, Unix time.";
      samples.gauge("chaoslab_fault_start_timestamp_seconds", help, labels, t_start / 1_000);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

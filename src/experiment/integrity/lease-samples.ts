/** Samples of the reconciler's lease on a lab that is up. @module */
import type { Lab } from "../../lab/lab.ts";
import type { LeaseSample } from "../../model/integrity.ts";
import { parseExposition } from "../../observe/exposition.ts";
import { leaseSample } from "./leases.ts";

const HOLDERS = ["orders-1", "orders-2"] as const;
const TIMEOUT_MS = 1_000;

/** Asks the nodes in turn, so that each is asked between two answers of the other. One that does not answer is left out. */
export async function sampleLeases(lab: Lab, rounds: number): Promise<LeaseSample[]> {
  const samples: LeaseSample[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const node of HOLDERS) {
      if (!lab.isReachable()) return samples;
      const asked = Date.now();
      const exposition = await expositionOf(`${lab.services.get(node)}/metrics`);
      const sample = exposition && leaseSample(parseExposition(exposition), { node, asked, t: Date.now() });
      if (sample) samples.push(sample);
    }
  }
  return samples;
}

async function expositionOf(url: string): Promise<string | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return answer.ok ? await answer.text() : null;
  } catch {
    return null;
  }
}

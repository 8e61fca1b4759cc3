/** Whether a lease had two holders at once, as far as samples can tell. @module */
import type { LeaseSample } from "../../model/integrity.ts";
import type { Sample } from "../../observe/exposition.ts";

/** `node` held the lease by one token for a while, and `other` held it in the middle of that. */
export interface DoubleHolders {
  node: string;
  token: number;
  other: string;
  otherToken: number;
}

const askedAt = ({ asked, t }: LeaseSample): number => asked ?? t;

/**
 * Only what is certain: two samples of a node on end that hold by one token say that it held in between, as the token
 * grows with every acquisition; and a sample of another node that holds was taken wholly between them. Each pair of
 * holders once.
 */
export function doubleHolders(samples: readonly LeaseSample[]): DoubleHolders[] {
  const nodes = Map.groupBy(
    samples.toSorted((a, b) => a.t - b.t),
    ({ node }) => node,
  );
  const found = new Map<string, DoubleHolders>();
  for (const [node, own] of nodes) {
    for (const [other, theirs] of nodes) {
      if (other === node) continue;
      // Both are in the order of time: one pass over the other's holds goes along with the spans.
      const holds = theirs.filter(({ held }) => held);
      let at = 0;
      for (const [i, from] of own.entries()) {
        const to = own[i + 1];
        if (!to || !from.held || !to.held || from.token !== to.token) continue;
        while (at < holds.length && askedAt(holds[at] ?? from) <= from.t) at++;
        const inside = holds[at];
        if (!inside || inside.t >= askedAt(to)) continue;
        const pair = { node, token: from.token, other, otherToken: inside.token };
        const key = [`${node}/${pair.token}`, `${other}/${pair.otherToken}`].sort().join(" ");
        if (!found.has(key)) found.set(key, pair);
      }
    }
  }
  return [...found.values()];
}

/** What a node's metrics say of the reconciler's lease; null when they say nothing. */
export function leaseSample(
  samples: readonly Sample[],
  { node, asked, t }: Required<Pick<LeaseSample, "node" | "asked" | "t">>,
): LeaseSample | null {
  const gauge = (metric: string): number | undefined =>
    samples.find(({ name, labels }) => name === metric && labels.lease === "reconciler")?.value;
  const held = gauge("chaoslab_lease_held");
  const token = gauge("chaoslab_lease_token");
  return held === undefined || token === undefined ? null : { t, asked, node, held: held === 1, token };
}

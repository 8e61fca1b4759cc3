/** What the nodes of a system can take, as they are now. @module */
import { readControl } from "../faults/node/cgroup.ts";
import type { AttachedLab } from "../lab/attached/lab.ts";
import type { Target } from "../lab/target.ts";

export interface NodeFacts {
  /** It has a network of its own, so that its packets can be told from others'. */
  ownNetwork: boolean;
  /** It has a cgroup to itself, which can be limited. */
  ownGroup: boolean;
  /** Of its group, page cache included, in MiB; null: unknown. */
  memoryMib: number | null;
  /** It has a volume of its own that may be filled. */
  ownVolume: boolean;
  /** Something starts it again when it is killed. */
  restarts: boolean;
}

/** By the name of the node. @throws {ChaoslabError} when one does not run, or must not be disturbed. */
export async function factsOf(lab: AttachedLab): Promise<ReadonlyMap<string, NodeFacts>> {
  const facts = new Map<string, NodeFacts>();
  for (const name of lab.nodeNames) {
    const { netns, cgroup, volume } = await lab.target(name);
    facts.set(name, {
      ownNetwork: netns !== null,
      ownGroup: cgroup !== null && cgroup.tree === undefined,
      memoryMib: memoryOf(cgroup),
      ownVolume: volume !== null,
      restarts: await lab.isRestarted(name),
    });
  }
  return facts;
}

function memoryOf(cgroup: Target["cgroup"]): number | null {
  if (!cgroup || cgroup.tree) return null;
  const file = cgroup.version === 2 ? "memory.current" : "memory.usage_in_bytes";
  const bytes = readControl({ version: cgroup.version, dirs: [...cgroup.dirs] }, file);
  return bytes === null ? null : Number(bytes) / 2 ** 20;
}

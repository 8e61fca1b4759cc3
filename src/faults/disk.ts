/**
 * `disk`: the node's own volume fills up, until `fill_percent` of it is used or `leave_bytes` are left. One file of
 * ours takes the space; the undo deletes that file and nothing else. Space that the node itself frees meanwhile is the
 * node's again.
 * @module
 */
import { existsSync, type StatsFs, statfsSync, statSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError, codeOf } from "../cli/errors.ts";
import { placeHere, volumePath } from "../lab/docker/container.ts";
import { engineOf } from "../lab/docker/engine.ts";
import type { Target } from "../lab/target.ts";
import type { Evidence } from "../model/fault.ts";
import type { DiskParams } from "../model/params.ts";
import { defineBackend, defineFault } from "./fault.ts";
import { allocate } from "./node/allocate.ts";
import { holdersOfDeleted } from "./node/open-files.ts";

const FILE_PREFIX = ".chaoslab-fill-";

const DiskUndo = Type.Object({
  kind: Type.Literal("fill-file"),
  path: Type.String(),
  /** Where the volume is to be found again. Absent: at `path`, always. */
  of: Type.Optional(
    Type.Object({
      socket: Type.String(),
      container: Type.String(),
      destination: Type.String(),
      source: Type.String(),
    }),
  ),
});
type DiskUndo = Static<typeof DiskUndo>;

/** Sizes of a file system in bytes, as df(1) shows them. */
export interface Space {
  total: number;
  /** What an unprivileged process may still take. */
  available: number;
}

function spaceOf(volume: string): Space {
  const { blocks, bavail, bsize }: StatsFs = statfsSync(volume);
  return { total: blocks * bsize, available: bavail * bsize };
}

/** Bytes that the params leave available on a volume. */
export function bytesToLeave({ fill_percent, leave_bytes }: DiskParams, { total }: Space): number {
  return leave_bytes ?? Math.floor((total * (100 - (fill_percent ?? 100))) / 100);
}

function volumeOf({ name, volume }: Target): string {
  if (volume === null) {
    throw new ChaoslabError(
      "badConfig",
      `disk: ${name} has no volume of its own`,
      "its disk is the host's, which is not for filling",
    );
  }
  return volume.path;
}

/**
 * Where the file is now; null when it is nowhere. A volume may outlive its container: then the file, whose name is the
 * fault's alone, is looked for where the volume was.
 */
async function fileOf({ path, of }: DiskUndo): Promise<string | null> {
  if (!of) return path;
  const engine = engineOf(of.socket);
  const inContainer = await volumePath(engine, of.container, of.destination);
  if (inContainer !== null) return join(inContainer, basename(path));
  const folders = [of.source, await placeHere(engine, of.source), dirname(path)];
  const files = folders.flatMap((folder) => (folder === null ? [] : join(folder, basename(path))));
  return files.find((file) => existsSync(file)) ?? null;
}

const fillFile = defineBackend<DiskParams, DiskUndo>({
  name: "fill-file",
  undoSchema: DiskUndo,
  probe: async ({ target }) =>
    existsSync(volumeOf(target)) ? null : `${volumeOf(target)} is not there: is the lab up?`,

  plan({ id, params, target }) {
    const path = join(volumeOf(target), FILE_PREFIX + id);
    const until =
      params.leave_bytes === undefined
        ? `${params.fill_percent} % are used`
        : `${params.leave_bytes} bytes are left`;
    const of = target.volume?.of;
    return {
      steps: [`allocate ${path} until ${until}`],
      undo: { kind: "fill-file", path, ...(of && { of }) },
    };
  },

  async inspect({ target, params }) {
    const volume = volumeOf(target);
    // An unmounted volume is an empty folder of the host's own disk, which must never be filled.
    if (statSync(volume).dev === statSync(join(volume, "..")).dev) {
      throw new ChaoslabError(
        "notFound",
        `${target.name}: nothing is mounted at ${volume}`,
        "is the lab up?",
      );
    }
    const space = spaceOf(volume);
    if (space.available <= bytesToLeave(params, space)) {
      throw new ChaoslabError(
        "badConfig",
        `disk: ${target.name} has only ${space.available} bytes left already`,
        "ask for less",
      );
    }
  },

  async inject({ target, params }, { path }) {
    const volume = volumeOf(target);
    const before = spaceOf(volume);
    const leave = bytesToLeave(params, before);
    await allocate(path, before.available - leave, leave === 0);
    return {
      verify: async () => diskEvidence(sizeOf(path), before, sizeOf(path) === null ? null : spaceOf(volume)),
    };
  },

  async undo(undo) {
    const path = await fileOf(undo);
    try {
      if (path !== null) unlinkSync(path);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  },

  /** The file, or its space, which comes back only when nobody holds the deleted file open any more. */
  async remains(undo) {
    const path = await fileOf(undo);
    if (path === null) return null;
    const size = sizeOf(path);
    if (size !== null) return `${path} takes ${size} bytes`;
    const holders = holdersOfDeleted(path);
    return holders.length === 0 ? null : `${path} is deleted, but held open by process ${holders.join(", ")}`;
  },
});

/** Bytes on disk of our file; null when it is not there. */
function sizeOf(path: string): number | null {
  try {
    const { blocks } = statSync(path);
    return blocks * 512; // st_blocks counts in 512 bytes whatever the file system's block (stat(2)).
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** @param fill bytes of our file, null when it is gone. */
export function diskEvidence(fill: number | null, before: Space, now: Space | null): Evidence {
  if (fill === null || now === null) {
    return {
      landed: false,
      detail: "the file that filled the volume is gone",
      measures: { free_bytes_before: before.available },
    };
  }
  const used = (100 * (now.total - now.available)) / now.total;
  return {
    landed: fill > 0 && now.available < before.available,
    detail: `${fill} bytes allocated: ${now.available} of ${now.total} bytes are free (before: ${before.available})`,
    measures: {
      fill_bytes: fill,
      free_bytes_before: before.available,
      free_bytes: now.available,
      used_percent: used,
    },
  };
}

export const disk = defineFault({
  type: "disk",
  check: ({ target }) => void volumeOf(target),
  backends: [fillFile],
});

/**
 * Limits on a node by its own cgroup: written in order, put back in reverse, recorded before.
 *
 * The first setting carries a mark that depends on the fault's id (as a qdisc carries a handle), so that the kernel
 * itself tells whether the limit of this fault is in force: an undo that comes late, twice or after another fault has
 * begun leaves everything alone.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError } from "../../cli/errors.ts";
import type { Evidence } from "../../model/fault.ts";
import { type AnyBackend, defineBackend, type FaultRequest } from "../fault.ts";
import { Cgroup, cgroupOf, controlFile, readControl, writeControl } from "./cgroup.ts";

/** One control file and what to write into it. */
export interface Setting {
  file: string;
  value: string;
  /** Left out where the kernel does not have the file. */
  optional?: boolean;
}

/** Reads a control file of the node; an empty text when it is not there. */
export type Read = (file: string) => string;

export type Counters = Readonly<Record<string, number>>;

const Limit = Type.Object({ file: Type.String(), before: Type.String(), ours: Type.String() });
type Limit = Static<typeof Limit>;

const limitUndo = (name: string) =>
  Type.Object({
    kind: Type.Literal(name),
    cgroup: Cgroup,
    /** Null until the values before are known; nothing has been written then. */
    limits: Type.Union([Type.Array(Limit), Type.Null()]),
  });
type LimitUndo = Static<ReturnType<typeof limitUndo>>;

export interface LimitSpec<P> {
  /** Name of the backend. */
  name: string;
  version: 1 | 2;
  /** Pure. In order of writing; the first carries the mark. */
  settings(params: P, id: string): Setting[];
  /** The limit in force, in `unit`; Infinity when there is none. */
  current(read: Read): number;
  /** The limit asked for, in `unit`. */
  asked(params: P): number;
  unit: string;
  /** True when the limit in force carries the mark of some fault of ours. */
  isMarked(read: Read): boolean;
  /** What the kernel has counted so far. */
  counters(read: Read): Counters;
  /** Pure. `current` is null when the limit of this fault is no longer in force; `applied` is what `apply` told. */
  evidence(current: number | null, before: Counters, now: Counters, applied: Counters): Evidence;
  /** Does what it takes for `write` to succeed. Default: nothing. */
  apply?(cgroup: Cgroup, write: () => void): Promise<Counters>;
}

export function limitBackend<P>(spec: LimitSpec<P>): AnyBackend<P> {
  const { name, version } = spec;
  const existing = (cgroup: Cgroup, { params, id }: FaultRequest<P>): Setting[] =>
    spec.settings(params, id).filter((each) => !each.optional || controlFile(cgroup, each.file) !== null);

  /** Settings of this fault that are still in force: all when its mark is, none when another fault's is. */
  const left = (cgroup: Cgroup, limits: readonly Limit[] | null): readonly Limit[] => {
    if (!limits || carriesMark(cgroup, limits)) return limits ?? [];
    if (spec.isMarked(reader(cgroup))) return [];
    return limits.filter(({ file, ours, before }) => ours !== before && readControl(cgroup, file) === ours);
  };

  return defineBackend<P, LimitUndo>({
    name,
    undoSchema: limitUndo(name),
    endsWithTarget: true,

    async probe(request) {
      const cgroup = cgroupOf(request.target);
      if (cgroup.tree) return `${request.target.name} has no cgroup to itself`;
      if (cgroup.version !== version) return `the node is in a cgroup of version ${cgroup.version}`;
      const missing = existing(cgroup, request).find(({ file }) => controlFile(cgroup, file) === null);
      return missing ? `${request.target.name} has no ${missing.file} in its cgroup: is the lab up?` : null;
    },

    plan(request) {
      const cgroup = cgroupOf(request.target);
      return {
        steps: spec
          .settings(request.params, request.id)
          .map(({ file, value }) => `in the cgroup of ${request.target.name}: ${file} = ${value}`),
        undo: { kind: name, cgroup, limits: null },
      };
    },

    async inspect({ target, params }) {
      const read = reader(cgroupOf(target));
      const current = spec.current(read);
      if (spec.isMarked(read)) {
        throw new ChaoslabError("busy", `${target.name}: a fault of chaoslab's already limits it`);
      }
      if (current <= spec.asked(params)) {
        throw new ChaoslabError(
          "badConfig",
          `${target.name}: already limited to ${current} ${spec.unit}: ${spec.asked(params)} would be no less`,
        );
      }
    },

    async inject(request, undo, amend) {
      const { cgroup } = undo;
      const read = reader(cgroup);
      const limits = existing(cgroup, request).map(({ file, value }) => ({
        file,
        before: read(file),
        ours: value,
      }));
      amend({ ...undo, limits });
      const before = spec.counters(read);
      const write = (): void => {
        for (const { file, ours } of limits) writeControl(cgroup, file, ours);
      };
      const applied = (await spec.apply?.(cgroup, write)) ?? {};
      if (!spec.apply) write();
      return {
        verify: async () =>
          spec.evidence(
            inForce(cgroup, limits) ? spec.current(read) : null,
            before,
            spec.counters(read),
            applied,
          ),
      };
    },

    async undo({ cgroup, limits }) {
      for (const { file, before } of left(cgroup, limits).toReversed()) writeControl(cgroup, file, before);
      if (left(cgroup, limits).length > 0) {
        throw new ChaoslabError("internal", `${cgroup.dirs[0]}: a limit of chaoslab's could not be lifted`);
      }
    },

    async remains({ cgroup, limits }) {
      const settings = left(cgroup, limits).map(
        ({ file }) => `${controlFile(cgroup, file)} is ${readControl(cgroup, file)}`,
      );
      return settings.join(", ") || null;
    },
  });
}

const reader =
  (cgroup: Cgroup): Read =>
  (file) =>
    readControl(cgroup, file) ?? "";

function inForce(cgroup: Cgroup, limits: readonly Limit[]): boolean {
  return limits.every(({ file, ours }) => readControl(cgroup, file) === ours);
}

function carriesMark(cgroup: Cgroup, [first]: readonly Limit[]): boolean {
  return first !== undefined && readControl(cgroup, first.file) === first.ours;
}

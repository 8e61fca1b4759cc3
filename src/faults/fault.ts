/**
 * What a fault type is made of. A fault (what a user asks for) has one or more backends (mechanisms that
 * bring it about); a backend says what it needs, what it will do and what undoes that, acts, and shows evidence.
 *
 * A new fault type is one file that calls {@link defineFault}, and one line in registry.ts.
 * @module
 */
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ChaoslabError } from "../cli/errors.ts";
import type { Target } from "../lab/target.ts";
import type { Evidence, FaultType } from "../model/fault.ts";
import { brokenRule, nodesNamedBy, PARAMS, type ParamsOf } from "../model/params.ts";

/** What undoes a fault: plain data, read back from the journal by another process. `kind` names the backend. */
export interface Undo {
  readonly kind: string;
}

export interface FaultRequest<P> {
  /** Unique on this host; marks every rule made for this fault. */
  id: string;
  params: P;
  target: Target;
  /** The other nodes that the params name (`peer`, `then`), by name. */
  others: Readonly<Record<string, Target>>;
  /** Any helper process ends itself after this many milliseconds, whatever happens. */
  maxLifetimeMs: number;
}

export interface Plan<U extends Undo> {
  /** What will be done, one line each, for people. */
  steps: readonly string[];
  undo: U;
}

/** A fault that is in force. */
export interface Running {
  /**
   * Asks the kernel or the target what the fault has done so far. `patient`: evidence that is slow to show may be
   * waited for; else it may not, as the fault is to be taken back now.
   */
  verify(patient: boolean): Promise<Evidence>;
  /** Ends what this process still does for the fault. The undo follows. */
  halt?(): Promise<void>;
}

/**
 * Records, durably and before it returns, an undo that knows more than the planned one.
 * Throws when somebody has reverted the fault meanwhile: then nothing more may be done for it.
 */
export type Amend<U extends Undo> = (undo: U) => void;

/** One mechanism. P: the fault's params. U: this backend's undo. */
export interface Backend<P, U extends Undo> {
  readonly name: string;
  /** Schema of the undo, whose `kind` is the backend's name. */
  readonly undoSchema: TSchema;
  /** Tries the mechanism where it can harm nothing. Null when it works, else what is missing, in a few words. */
  probe(request: FaultRequest<P>): Promise<string | null>;
  /** What it makes is in the target's namespace or cgroup, and ends with them: on another start it must be made again. */
  endsWithTarget?: boolean;
  /** The probe sends something to the target: where that is not up, it would go who knows where. */
  probeAsksTarget?: boolean;
  /** Pure. */
  plan(request: FaultRequest<P>): Plan<U>;
  /** Reads the target's state and throws one line when acting would touch what is not ours. Changes nothing. */
  inspect(request: FaultRequest<P>): Promise<void>;
  /** Acts. The planned undo is in the journal already. What was done before a throw is undone by the caller. */
  inject(request: FaultRequest<P>, undo: U, amend: Amend<U>): Promise<Running>;
  /**
   * Removes whatever of this fault the kernel still has; having nothing to remove is success. Runs twice, after
   * the target or the injecting process is gone, and in another process.
   */
  undo(undo: U): Promise<void>;
  /**
   * What the kernel or the target still shows of this fault, in a few words; null when nothing is left, which it is too
   * when the target is gone. Reads the thing itself, through the reader that {@link undo} has, and changes nothing. Asked
   * after the undo, perhaps in another process. Throws when it cannot look.
   */
  remains(undo: U): Promise<string | null>;
}

/** A request bound to a backend that can carry it out; nothing has been touched yet. */
export interface Prepared {
  backend: string;
  endsWithTarget: boolean;
  plan: Plan<Undo>;
  inject(amend: Amend<Undo>): Promise<Running>;
}

/** A backend whose undo type is hidden, so that backends of different mechanisms fit one list. */
export interface AnyBackend<P> {
  readonly name: string;
  readonly probeAsksTarget: boolean;
  probe(request: FaultRequest<P>): Promise<string | null>;
  plan(request: FaultRequest<P>): Plan<Undo>;
  prepare(request: FaultRequest<P>): Promise<Prepared>;
  undo(undo: Undo): Promise<void>;
  remains(undo: Undo): Promise<string | null>;
}

export function defineBackend<P, U extends Undo>(backend: Backend<P, U>): AnyBackend<P> {
  const isUndo = (undo: Undo): undo is U => Value.Check(backend.undoSchema, undo);
  const ours = (undo: Undo): U => {
    if (isUndo(undo)) return undo;
    const text = JSON.stringify(undo);
    throw new ChaoslabError("internal", `journal: not an undo of ${backend.name}: ${text}`);
  };
  return {
    name: backend.name,
    probeAsksTarget: backend.probeAsksTarget ?? false,
    probe: (request) => backend.probe(request),
    plan: (request) => backend.plan(request),
    async prepare(request) {
      await backend.inspect(request);
      const plan = backend.plan(request);
      return {
        backend: backend.name,
        endsWithTarget: backend.endsWithTarget ?? false,
        plan,
        inject: (amend) => backend.inject(request, plan.undo, amend),
      };
    },
    undo: async (undo) => backend.undo(ours(undo)),
    remains: async (undo) => backend.remains(ours(undo)),
  };
}

/** A fault type with its params type hidden. */
export interface Fault {
  readonly type: FaultType;
  readonly backends: readonly Pick<AnyBackend<never>, "name" | "undo" | "remains">[];
  /**
   * Checks the params, picks the first backend that works here (or the one named) and inspects the target.
   * @throws {ChaoslabError} `badConfig` for params, `prerequisite` when no backend works, what `inspect` throws.
   */
  prepare(request: FaultRequest<Readonly<Record<string, unknown>>>, backend?: string): Promise<Prepared>;
  /**
   * What would be done, by the first backend that works here; where none can be seen to, by the first, and why. Touches
   * nothing.
   * @param isUp whether the target is: one that is not is sent nothing.
   */
  preview(request: FaultRequest<Readonly<Record<string, unknown>>>, isUp: boolean): Promise<Preview>;
  /** Tries every backend as `prepare` would, without going on to inject. */
  diagnose(request: FaultRequest<Readonly<Record<string, unknown>>>): Promise<Diagnosis[]>;
}

export interface Preview extends Diagnosis {
  plan: Plan<Undo>;
}

/** Whether one backend works here: `lacks` says in a few words what is missing, null that nothing is. */
export interface Diagnosis {
  name: string;
  lacks: string | null;
}

export interface FaultDefinition<T extends FaultType> {
  type: T;
  /** Rules about the target; throws a ChaoslabError of kind `badConfig`. Those between params are in the model. */
  check?(request: FaultRequest<ParamsOf<T>>): void;
  /** In order of preference. */
  backends: readonly AnyBackend<ParamsOf<T>>[];
}

export function defineFault<T extends FaultType>(definition: FaultDefinition<T>): Fault {
  const { type, backends } = definition;
  return {
    type,
    backends,
    async prepare(request, only) {
      const checked = { ...request, params: parseParams(type, request) };
      definition.check?.(checked);
      const candidates = backends.filter((backend) => only === undefined || backend.name === only);
      const missing: string[] = [];
      for (const backend of candidates) {
        const lacks = await backend.probe(checked);
        if (lacks === null) return backend.prepare(checked);
        missing.push(`${backend.name} (${lacks})`);
      }
      if (missing.length === 0) {
        const names = backends.map((backend) => backend.name).join(", ");
        throw new ChaoslabError("usage", `${type}: no backend called ${only}`, `backends: ${names}`);
      }
      throw new ChaoslabError("prerequisite", `${type}: not possible on this machine: ${missing.join("; ")}`);
    },
    async preview(request, isUp) {
      const checked = { ...request, params: parseParams(type, request) };
      definition.check?.(checked);
      const tried: Preview[] = [];
      for (const backend of backends) {
        const lacks = backend.probeAsksTarget && !isUp ? "not tried" : await backend.probe(checked);
        const preview = { name: backend.name, lacks, plan: backend.plan(checked) };
        if (lacks === null) return preview;
        tried.push(preview);
      }
      const [first] = tried;
      if (!first) throw new ChaoslabError("internal", `${type}: it has no backend`);
      return first;
    },
    async diagnose(request) {
      const checked = { ...request, params: parseParams(type, request) };
      const tried: Diagnosis[] = [];
      for (const backend of backends) tried.push({ name: backend.name, lacks: await backend.probe(checked) });
      return tried;
    },
  };
}

function parseParams<T extends FaultType>(
  type: T,
  { params, target, others }: FaultRequest<Readonly<Record<string, unknown>>>,
): ParamsOf<T> {
  const first = Value.Errors(PARAMS[type], params).First();
  if (first) {
    throw new ChaoslabError(
      "badConfig",
      `${type}: params${first.path.replaceAll("/", ".")}: ${first.message}`,
    );
  }
  const broken = brokenRule(type, params, target.name);
  if (broken) throw new ChaoslabError("badConfig", `${type}: params.${broken.field}: ${broken.message}`);
  for (const { field, node } of nodesNamedBy(params)) {
    if (others[node]?.name === node) continue;
    throw new ChaoslabError("internal", `${type}: params.${field}: ${node} was not looked up`);
  }
  return params as ParamsOf<T>;
}

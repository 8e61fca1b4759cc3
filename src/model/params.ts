/**
 * The params of each fault type, as they stand in schedules and on the wire. Durations are milliseconds, shares are
 * percent from 0 to 100.
 * @module
 */
import { type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";

const strict = { additionalProperties: false } as const;

/** Whose packets a network fault acts on. */
const flow = {
  /** Only packets exchanged with this node. Default: with every node. */
  peer: Type.Optional(Type.String()),
  /** `egress` (default): what the target sends. `ingress`: what reaches it. */
  direction: Type.Optional(Type.Union([Type.Literal("egress"), Type.Literal("ingress")])),
};
/** Seed of chance. netem has its own generator and ignores it. */
const seed = Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 }));
/** Share of packets. */
const share = Type.Number({ exclusiveMinimum: 0, maximum: 100 });

export const LatencyParams = Type.Object(
  {
    /** Added to each packet, in milliseconds. */
    delay_ms: Type.Number({ exclusiveMinimum: 0, maximum: 60_000 }),
    /** Each packet's delay is uniform in delay_ms +/- jitter_ms, as netem's default. Must not exceed delay_ms. */
    jitter_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
    /** Packets lost beside the delay, each by itself. */
    loss_percent: Type.Optional(share),
    ...flow,
    seed,
  },
  strict,
);
export type LatencyParams = Static<typeof LatencyParams>;

export const LossParams = Type.Object(
  {
    loss_percent: share,
    /** How far a packet's loss follows that of the one before: bursts. The share lost stays the same. */
    correlation_percent: Type.Optional(Type.Number({ minimum: 0, exclusiveMaximum: 100 })),
    ...flow,
    seed,
  },
  strict,
);
export type LossParams = Static<typeof LossParams>;

export const DuplicateParams = Type.Object({ duplicate_percent: share, ...flow, seed }, strict);
export type DuplicateParams = Static<typeof DuplicateParams>;

export const CorruptParams = Type.Object({ corrupt_percent: share, ...flow, seed }, strict);
export type CorruptParams = Static<typeof CorruptParams>;

export const ReorderParams = Type.Object(
  {
    /** Share that goes at once. */
    reorder_percent: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 100 }),
    /** Delay of the others, in milliseconds. */
    delay_ms: Type.Number({ exclusiveMinimum: 0, maximum: 60_000 }),
    ...flow,
    seed,
  },
  strict,
);
export type ReorderParams = Static<typeof ReorderParams>;

export const BandwidthParams = Type.Object(
  {
    /** In 1000 bit/s, Ethernet headers included. */
    rate_kbit: Type.Integer({ minimum: 8, maximum: 10_000_000 }),
    ...flow,
  },
  strict,
);
export type BandwidthParams = Static<typeof BandwidthParams>;

export const PartitionParams = Type.Object(
  {
    peer: flow.peer,
    /** Default: both. */
    direction: Type.Optional(
      Type.Union([Type.Literal("both"), Type.Literal("egress"), Type.Literal("ingress")]),
    ),
  },
  strict,
);
export type PartitionParams = Static<typeof PartitionParams>;

export const KillParams = Type.Object({}, strict);
export type KillParams = Static<typeof KillParams>;

export const StopParams = Type.Object({}, strict);
export type StopParams = Static<typeof StopParams>;

export const RestartParams = Type.Object(
  {
    /** True: asked to end (SIGTERM, Postgres SIGINT), and SIGKILL only after the grace. False: SIGKILL at once. */
    drain: Type.Boolean(),
    /** How long a draining node may take to end, in milliseconds. Default: 10 000. */
    grace_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 600_000 })),
    /** Nodes restarted after the target, one at a time, each once the one before it answers ready again. */
    then: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, uniqueItems: true })),
    /** How long each node may take until it answers ready again, in milliseconds. Default: 30 000. */
    ready_ms: Type.Optional(Type.Number({ minimum: 1, maximum: 600_000 })),
  },
  strict,
);
export type RestartParams = Static<typeof RestartParams>;

export const CpuParams = Type.Object(
  {
    /** Processor time a second: 0.5 is half of one core. The kernel's least quota is 1 ms in 100 (sched-bwc.rst). */
    cores: Type.Number({ minimum: 0.01, maximum: 1_024 }),
  },
  strict,
);
export type CpuParams = Static<typeof CpuParams>;

export const MemoryParams = Type.Object(
  {
    /** Memory of the node with its page cache, in MiB of 2^20 bytes. */
    limit_mib: Type.Integer({ minimum: 1, maximum: 16_777_216 }),
  },
  strict,
);
export type MemoryParams = Static<typeof MemoryParams>;

/** One of the two. */
export const DiskParams = Type.Object(
  {
    /** Share of the volume that is used in the end, whoever uses it. 100: not a block is left. */
    fill_percent: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 100 })),
    /** Bytes left in the end. */
    leave_bytes: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  strict,
);
export type DiskParams = Static<typeof DiskParams>;

/** At least one. What is left out is normal. */
export const DependencyParams = Type.Object(
  {
    /** Share of the charges that are answered 503. */
    error_rate_percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
    /** Added to every charge, in milliseconds. */
    delay_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 600_000 })),
    /** `hang`: no charge and no answer. `timeout`: the money is taken, and no answer. */
    mode: Type.Optional(Type.Union([Type.Literal("normal"), Type.Literal("hang"), Type.Literal("timeout")])),
  },
  strict,
);
export type DependencyParams = Static<typeof DependencyParams>;

export const ClockParams = Type.Object(
  {
    /** How far the target's clock is ahead of the host's, in milliseconds; behind when negative. At most ten years. */
    offset_ms: Type.Integer({ minimum: -315_360_000_000, maximum: 315_360_000_000 }),
  },
  strict,
);
export type ClockParams = Static<typeof ClockParams>;

const TOXICS = [
  "latency",
  "bandwidth",
  "slow_close",
  "timeout",
  "reset_peer",
  "slicer",
  "limit_data",
] as const;
export type ToxicName = (typeof TOXICS)[number];
const Milliseconds = Type.Integer({ minimum: 0, maximum: 86_400_000 });
const Bytes = Type.Integer({ minimum: 0, maximum: 1_000_000_000_000 });

/** A toxic on the connections to the target; which fields go with which is in TOXIC_FIELDS. */
export const ToxicParams = Type.Object(
  {
    toxic: Type.Union(TOXICS.map((name) => Type.Literal(name))),
    /** Only connections of this caller. Default: of every one. */
    peer: Type.Optional(Type.String()),
    /** `downstream` (default): what the target answers. `upstream`: what it is sent. */
    stream: Type.Optional(Type.Union([Type.Literal("downstream"), Type.Literal("upstream")])),
    /** Share of connections it acts on. Default: 100. */
    toxicity_percent: Type.Optional(share),
    latency_ms: Type.Optional(Milliseconds),
    jitter_ms: Type.Optional(Milliseconds),
    /** In 1000 bytes a second. 0 lets nothing through. */
    rate_kb_per_s: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000_000 })),
    /** How much later than its data a connection is closed, in milliseconds. */
    delay_ms: Type.Optional(Milliseconds),
    /** How long it lasts until the connection is closed or reset, in milliseconds. `timeout` never closes at 0. */
    timeout_ms: Type.Optional(Milliseconds),
    average_size_bytes: Type.Optional(Bytes),
    size_variation_bytes: Type.Optional(Bytes),
    /** Between two slices, in microseconds. */
    delay_us: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000_000 })),
    limit_bytes: Type.Optional(Bytes),
    /** Seed of chance: the same connections, counted from the proxy's first, are hit. Shopify's server ignores it. */
    seed,
  },
  strict,
);
export type ToxicParams = Static<typeof ToxicParams>;
type ToxicField = Exclude<keyof ToxicParams, "toxic" | "peer" | "stream" | "toxicity_percent" | "seed">;

/** Fields of each toxic, by Toxiproxy's own name of the attribute. The first one must be given. */
export const TOXIC_FIELDS: Readonly<
  Record<ToxicName, readonly (readonly [ToxicField, attribute: string])[]>
> = {
  latency: [
    ["latency_ms", "latency"],
    ["jitter_ms", "jitter"],
  ],
  bandwidth: [["rate_kb_per_s", "rate"]],
  slow_close: [["delay_ms", "delay"]],
  timeout: [["timeout_ms", "timeout"]],
  reset_peer: [["timeout_ms", "timeout"]],
  slicer: [
    ["average_size_bytes", "average_size"],
    ["size_variation_bytes", "size_variation"],
    ["delay_us", "delay"],
  ],
  limit_data: [["limit_bytes", "bytes"]],
};

/** Schema of every fault type's params, by wire name. */
export const PARAMS = {
  latency: LatencyParams,
  loss: LossParams,
  duplicate: DuplicateParams,
  corrupt: CorruptParams,
  reorder: ReorderParams,
  bandwidth: BandwidthParams,
  partition: PartitionParams,
  kill: KillParams,
  stop: StopParams,
  restart: RestartParams,
  cpu: CpuParams,
  memory: MemoryParams,
  disk: DiskParams,
  dependency: DependencyParams,
  clock: ClockParams,
  toxic: ToxicParams,
} as const satisfies Record<string, TObject>;

export type FaultType = keyof typeof PARAMS;
export type ParamsOf<T extends FaultType> = Static<(typeof PARAMS)[T]>;
/** Wire names of the fault types this build can inject. */
export const FAULT_TYPES = Object.keys(PARAMS) as FaultType[];

/** The values that a union of literals accepts; null for any other schema. */
export function literalsOf(schema: TSchema): string[] | null {
  const members: unknown = schema.anyOf;
  if (!Array.isArray(members)) return null;
  const values = members.map((member: unknown) =>
    typeof member === "object" && member !== null && "const" in member ? member.const : null,
  );
  return values.every((value) => typeof value === "string") ? values : null;
}

/** A rule between params that a schema cannot say. */
export interface BrokenRule {
  field: string;
  message: string;
}

/** The first rule that these params, which fit their schema, break on a node; null when none. */
export function brokenRule(
  type: FaultType,
  params: Readonly<Record<string, unknown>>,
  target: string,
): BrokenRule | null {
  const rules: Partial<Record<FaultType, () => BrokenRule | null>> = {
    latency: () => jitterWithinDelay(params as LatencyParams),
    restart: () =>
      graceOnlyToDrain(params as RestartParams) ?? targetOnlyFirst(params as RestartParams, target),
    disk: () => oneAmount(params as DiskParams),
    dependency: () => misbehaves(params as DependencyParams),
    clock: () => notZero(params as ClockParams),
    toxic: () => fieldsOfToxic(params as ToxicParams),
  };
  return rules[type]?.() ?? null;
}

function fieldsOfToxic(params: ToxicParams): BrokenRule | null {
  const { toxic, jitter_ms = 0, latency_ms = 0, size_variation_bytes = 0, average_size_bytes = 0 } = params;
  const own = TOXIC_FIELDS[toxic].map(([field]) => field);
  const foreign = Object.values(TOXIC_FIELDS)
    .flatMap((fields) => fields.map(([field]) => field))
    .find((field) => params[field] !== undefined && !own.includes(field));
  if (foreign) return { field: foreign, message: `${toxic} does not take it; it takes ${own.join(", ")}` };
  const [needed] = own;
  if (needed && params[needed] === undefined) return { field: needed, message: `${toxic} needs it` };
  if (jitter_ms > latency_ms) {
    return { field: "jitter_ms", message: `${jitter_ms} is more than latency_ms (${latency_ms})` };
  }
  if (size_variation_bytes > average_size_bytes) {
    const message = `${size_variation_bytes} is more than average_size_bytes (${average_size_bytes})`;
    return { field: "size_variation_bytes", message };
  }
  return null;
}

function notZero({ offset_ms }: ClockParams): BrokenRule | null {
  return offset_ms === 0 ? { field: "offset_ms", message: "0 changes nothing" } : null;
}

function graceOnlyToDrain({ drain, grace_ms }: RestartParams): BrokenRule | null {
  if (drain || grace_ms === undefined) return null;
  return { field: "grace_ms", message: "without drain there is no grace" };
}

function targetOnlyFirst({ then = [] }: RestartParams, target: string): BrokenRule | null {
  return then.includes(target) ? { field: "then", message: `${target} is the first one already` } : null;
}

function oneAmount({ fill_percent, leave_bytes }: DiskParams): BrokenRule | null {
  if ((fill_percent === undefined) !== (leave_bytes === undefined)) return null;
  return { field: "fill_percent", message: "say either fill_percent or leave_bytes" };
}

function misbehaves({
  error_rate_percent = 0,
  delay_ms = 0,
  mode = "normal",
}: DependencyParams): BrokenRule | null {
  if (error_rate_percent > 0 || delay_ms > 0 || mode !== "normal") return null;
  return {
    field: "mode",
    message: "nothing is asked for: say error_rate_percent, delay_ms, or mode hang or timeout",
  };
}

function jitterWithinDelay({
  delay_ms,
  jitter_ms = 0,
}: Pick<LatencyParams, "delay_ms" | "jitter_ms">): BrokenRule | null {
  if (jitter_ms <= delay_ms) return null;
  return { field: "jitter_ms", message: `${jitter_ms} is more than delay_ms (${delay_ms})` };
}

/**
 * What of its target a fault takes up: two faults of one type exclude each other only where it is the same. Toxics of
 * different kinds share a connection.
 */
export function aspectOf(type: FaultType, params: Readonly<Record<string, unknown>>): string {
  const { toxic, stream = "downstream" } = params;
  return type === "toxic" ? `${String(toxic)} ${String(stream)}` : "all";
}

/** The other nodes that params name, each with the field that does. */
export function nodesNamedBy(params: Readonly<Record<string, unknown>>): { field: string; node: string }[] {
  return ["peer", "then"].flatMap((field) =>
    [params[field]]
      .flat()
      .filter((node) => typeof node === "string")
      .map((node) => ({ field, node })),
  );
}

interface Spec {
  type: FaultType;
  target: string;
  params: Readonly<Record<string, unknown>>;
}

/** Whether two faults would act on the same thing in the same way: the same packets of a node, or the end of the same node. */
export function excludeEachOther(a: Spec, b: Spec): boolean {
  const named = ({ params }: Spec, field: string): string[] =>
    nodesNamedBy(params).flatMap((each) => (each.field === field ? [each.node] : []));
  const endedByA = [a.target, ...named(a, "then")];
  return (
    a.type === b.type &&
    [b.target, ...named(b, "then")].some((node) => endedByA.includes(node)) &&
    named(a, "peer")[0] === named(b, "peer")[0] &&
    aspectOf(a.type, a.params) === aspectOf(b.type, b.params)
  );
}

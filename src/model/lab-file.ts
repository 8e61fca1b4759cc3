/**
 * lab.yaml: a system that chaoslab did not make, in the words of who runs it. Which process or container each node is,
 * who calls whom, how it is asked and what is promised of it.
 * @module
 */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { ScenarioLoad, SliDeclaration, Slo } from "./schedule.ts";

const strict = { additionalProperties: false } as const;
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
const NAME = "lower-case letters, digits and dashes, beginning with a letter";
const Name = Type.String({ pattern: "^[a-z][a-z0-9-]{0,39}$", description: NAME });
/** As every lab's: its state has a folder of this name on the host. */
const LabName = Type.String({ pattern: "^[a-z][a-z0-9-]{0,15}$", description: `at most 16 ${NAME}` });
const SLI_NAME = "lower-case letters, digits and _, beginning with a letter";
const SliName = Type.String({ pattern: "^[a-z][a-z0-9_]{0,39}$", description: SLI_NAME });
const Text = Type.String({ minLength: 1 });
const Url = Type.String({ pattern: "^https?://[^/?#\\s]+/?$", description: "http://host:port" });

/** Exactly one of `container`, `compose`, `systemd`, `pid` and `port` says what the node is. */
export const NodeEntry = Type.Object(
  {
    /** Name or id of a container. */
    container: optional(Text),
    /** Name of a service of the compose project. */
    compose: optional(Text),
    /** Name of a service unit: of the others, systemd knows no main process. */
    systemd: optional(
      Type.String({
        pattern: "^[A-Za-z0-9:_.@\\\\-]+\\.service$",
        description: "a service unit such as nginx.service",
      }),
    ),
    /** A process, and what it has started. One that began after the file was last written is taken for another one. */
    pid: optional(Type.Integer({ minimum: 2 })),
    /** The process that listens on this TCP port of the host, and what it has started. */
    port: optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    /** True: something starts it again when it dies. Containers and units say so themselves. */
    restarts: optional(Type.Boolean()),
    /** Mount point, in the container, of a volume of the node's own that may be filled. */
    volume: optional(Type.String({ pattern: "^/", description: "a path that begins with /" })),
    /** Base URL, where the node answers over HTTP. */
    url: optional(Url),
    /** True: it serves metrics at `url`/metrics. */
    metrics: optional(Type.Boolean()),
    /** Signal by which it is asked to end. Default: the container's own, else SIGTERM. */
    stop_signal: optional(
      Type.Union([
        Type.Literal("SIGTERM"),
        Type.Literal("SIGINT"),
        Type.Literal("SIGQUIT"),
        Type.Literal("SIGHUP"),
      ]),
    ),
  },
  strict,
);
export type NodeEntry = Static<typeof NodeEntry>;

/** What a node can be told by. */
export const NODE_KINDS = ["container", "compose", "systemd", "pid", "port"] as const;

/** Proxies of a Toxiproxy server that connections between nodes go through, for toxics. */
export const Proxies = Type.Object(
  {
    url: Url,
    links: Type.Array(Type.Object({ proxy: Text, from: Name, to: Name }, strict), { minItems: 1 }),
  },
  strict,
);

export const LabFile = Type.Object(
  {
    name: LabName,
    description: optional(Type.String()),
    /** Compose project of the nodes that are told by `compose`. Default: the only one that has such a service. */
    project: optional(Text),
    nodes: Type.Record(Name, NodeEntry, { ...strict, minProperties: 1, description: NAME }),
    /** By the name of a caller, what it calls. */
    dependencies: optional(
      Type.Record(Name, Type.Array(Name, { minItems: 1, uniqueItems: true }), {
        ...strict,
        description: NAME,
      }),
    ),
    /** Node whose network the load is sent from. Default: this host's. */
    client: optional(Name),
    toxiproxy: optional(Proxies),
    /** What `chaoslab suite` makes its schedule of. */
    load: optional(ScenarioLoad),
    /**
     * By the name of one of the load's operations, the nodes that it cannot do without. Faults of all others are then
     * judged as a cascade when it leaves its SLO. Default: every node.
     */
    needs: optional(Type.Record(Type.String(), Type.Array(Name, { minItems: 1, uniqueItems: true }))),
    slis: optional(Type.Record(SliName, SliDeclaration, { ...strict, description: SLI_NAME })),
    slos: optional(Type.Record(SliName, Slo, { ...strict, minProperties: 1, description: SLI_NAME })),
  },
  strict,
);
export type LabFile = Static<typeof LabFile>;

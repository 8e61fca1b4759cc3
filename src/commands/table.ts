import type { Flags } from "../cli/flags.ts";
import { HGRM_DETAILS, HGRM_FLAG, LIMIT_FLAGS, SHARE_FLAGS, SOURCE_FLAGS } from "./load-help.ts";

/** What a command file exports: returns the exit code. */
export interface CommandModule {
  run(args: string[], flags: Flags): Promise<number>;
}

export interface CommandSpec {
  /** Name and positional arguments, e.g. `run <schedule>`. */
  usage: string;
  summary: string;
  options: readonly (readonly [flag: string, description: string])[];
  examples: readonly string[];
  /** Shown under the options: environment variables, exit codes. A function where it takes an import. */
  details?: string | (() => Promise<string>);
  /** Flags beyond `options` are the command's own to check. */
  moreFlags?: boolean;
  load: () => Promise<CommandModule>;
}

const LAB = ["--lab <name>", "Name of the lab (default: lab)"] as const;
/** Where a lab that chaoslab did not boot will do too. */
const ANY_LAB = [
  "--lab <lab>",
  "Name of the lab (default: lab); docker: the containers of docker-compose.yml; or a file such as lab.yaml",
] as const;

const PROFILE_FLAGS = [
  [
    "--profile <name>",
    "The windows to use: full, quick, or one of the schedule's own (default: as it says, else full)",
  ],
  ["--quick", "Same as --profile quick: under two minutes a hypothesis"],
] as const;

/** By which a schedule is run. */
const ONLY = ["--only <names>", "These hypotheses, comma separated, instead of all"] as const;

const RUN_FLAGS = [
  ANY_LAB,
  ...PROFILE_FLAGS,
  ONLY,
  ["--repeats <n>", "Run each hypothesis so often, and tell how far the verdicts agree"],
  ["--rate <rps>", "Offered load in requests per second, instead of the schedule's"],
  ["--seed <n>", "Seed of the load, instead of the schedule's"],
  ["--out <dir>", "Where the run's folder is made (default: results)"],
  ["--keep", "Leave the lab up afterwards when this run booted it"],
  ["--grafana <url>", "Annotate each fault's window with its verdict there (token: $GRAFANA_TOKEN)"],
] as const;

/** Commands of the product, in the order `--help` shows them. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    usage: "run <schedule>",
    summary: "Run an experiment schedule: baseline, fault, recovery, verdict",
    options: [
      ...RUN_FLAGS,
      ["--fail-on <results>", "Exit 99 when a verdict is one of these, e.g. failed,inconclusive,unexpected"],
      ["--junit <file>", "Write the verdicts as JUnit XML"],
      ["--json", "Print one JSON document on stdout"],
      ["--quiet", "No progress on stderr"],
    ],
    examples: [
      "chaoslab run schedules/cascade.yaml",
      "chaoslab run schedules/cascade.yaml --quick --json",
      "chaoslab run schedules/gameday.yaml --quick --only payments-hangs-bare,payments-hangs-mitigated",
      "chaoslab run schedules/cascade.yaml --repeats 3 --fail-on failed,inconclusive",
      "chaoslab run schedules/cascade.yaml --quick --lab docker",
    ],
    details: `A verdict is unexpected when the schedule says what it expects and it is another.
The run's folder has report.html to look at, offline, and report.md and junit.xml beside it.

Exit codes
  0 every experiment ran to a verdict    99 a verdict named by --fail-on    104 the schedule is wrong
  105 stopped by a signal, all reverted    3 needs root    4 something is not installed    6 unknown target`,
    load: () => import("./run.ts"),
  },
  {
    usage: "validate [...files]",
    summary: "Check schedules, without touching anything",
    options: [
      ["--schema", "Print the JSON Schema of schedules, for editors"],
      ["--json", "Print JSON on stdout"],
    ],
    examples: ["chaoslab validate schedules/*.yaml", "chaoslab validate --schema > schedule.schema.json"],
    details: `Exit codes
  0 all are fine    104 one is not; a line for each says where and what is accepted`,
    load: () => import("./validate.ts"),
  },
  {
    usage: "suite <lab>",
    summary: "Write a default schedule for a system of your own, from a library of hypotheses",
    options: [
      ["--out <file>", "The schedule that is written (default: printed on stdout)"],
      ["--only <kinds>", "These kinds of hypotheses, comma separated, instead of all"],
      ["--force", "Write over a file that is there"],
      ["--json", "Print what is in it, and what was left out, as JSON on stdout"],
    ],
    examples: [
      "chaoslab suite tutorial/lab.yaml --out suite.yaml",
      "chaoslab suite tutorial/lab.yaml --only slow,hung,dead",
    ],
    details: `The lab is a file that describes the system: chaoslab docs attach. Its nodes must be running: what each can take is seen
from them. Kinds, for each dependency: slow, very-slow, lossy, partitioned; for each node that is called: hung, dead,
starved, squeezed, full, skewed; for all others: dead. What cannot be done to a node is left out, and said.

Exit codes
  0 written    2 a flag is wrong    3 needs root    6 a node is not there    8 a node is not running    104 the lab is wrong`,
    load: () => import("./suite.ts"),
  },
  {
    usage: "plan <schedule>",
    summary: "Say what a run would do: faults, mechanisms, windows, and how each would be undone",
    options: [
      ANY_LAB,
      ...PROFILE_FLAGS,
      ONLY,
      ["--repeats <n>", "How often each hypothesis is run, instead of as the schedule says"],
      ["--rate <rps>", "Offered load in requests per second, instead of the schedule's"],
      ["--json", "Print JSON on stdout"],
    ],
    examples: ["chaoslab plan schedules/cascade.yaml", "chaoslab plan schedules/cascade.yaml --quick --json"],
    details:
      "Mechanisms are tried where that can harm nothing. Those that live in a node can be tried only in a lab that is up.",
    load: () => import("./plan.ts"),
  },
  {
    usage: "runs",
    summary: "List the runs that were kept, and their verdicts",
    options: [
      ["--out <dir>", "Where the runs' folders are (default: results)"],
      ["--json", "Print JSON on stdout"],
    ],
    examples: ["chaoslab runs", "chaoslab runs --out results --json"],
    load: () => import("./runs.ts"),
  },
  {
    usage: "verdict <run>",
    summary: "Compute the verdicts of a run again, from what it recorded",
    options: [
      [
        "--write",
        "Keep them in the run's folder, and make its reports again: report.html, report.md, junit.xml",
      ],
      ["--json", "Print the run's document on stdout"],
    ],
    examples: [
      "chaoslab verdict results/cascade-20261126-101500",
      "chaoslab verdict results/cascade-20261126-101500 --json",
    ],
    details: "A run that was cut off is judged by what it left.",
    load: () => import("./verdict.ts"),
  },
  {
    usage: "report [...runs]",
    summary: "Write documents from runs: steady state, each experiment, the chaos log, findings",
    options: [
      ["--out <dir>", "Folder that they are written to (default: results/documents)"],
      [
        "--notes <file>",
        "YAML, by hypothesis: surprise, cause, fix, again, follow_up; told where it belongs",
      ],
      ["--json", "Print the files' names as JSON on stdout"],
    ],
    examples: [
      "chaoslab report results/gameday-20261126-101500",
      "chaoslab report results/gameday-* --out docs/results --notes docs/results/notes.yaml",
    ],
    details:
      "Of several runs of one hypothesis the last one counts, of its repeats the worst; the log has them all.",
    load: () => import("./report.ts"),
  },
  {
    usage: "compare [...runs]",
    summary: "Put two runs side by side: before and after, with what changed",
    options: [
      ["--html <file>", "Write a page with the curves of both laid over each other"],
      ["--json", "Print JSON on stdout"],
    ],
    examples: [
      "chaoslab compare results/cascade-20261126-101500 results/cascade-20261126-103000 --html before-after.html",
      "chaoslab compare results/gameday-20261126-101500#cascade-bare results/gameday-20261126-101500#cascade-mitigated",
    ],
    details:
      "Hypotheses of one name are compared, or the two that are named after #. Of repeats the worst counts.",
    load: () => import("./compare.ts"),
  },
  {
    usage: "gate <run>",
    summary: "Fail when a verdict got worse than in a committed baseline; runs a schedule, or takes a run",
    options: [
      ["--against <file>", "The baseline, e.g. schedules/baselines/cascade.json"],
      ["--update", "Write the baseline instead"],
      [
        "--retries <n>",
        "Run what got worse again, so often at most; it counts when it stays so (default: 0)",
      ],
      ["--junit <file>", "Write what the gate found as JUnit XML"],
      ...RUN_FLAGS,
      ["--json", "Print JSON on stdout"],
      ["--quiet", "No progress on stderr"],
    ],
    examples: [
      "chaoslab gate schedules/cascade.yaml --quick --against schedules/baselines/cascade.json --junit gate.xml",
      "chaoslab gate schedules/gameday-quick.yaml --against schedules/baselines/gameday-quick.json --retries 1",
      "chaoslab gate results/cascade-20261126-101500 --against schedules/baselines/cascade.json",
      "chaoslab gate results/cascade-20261126-101500 --against schedules/baselines/cascade.json --update",
    ],
    details: `Worse is later in: held, degraded, inconclusive, failed. A hypothesis of the baseline that was not run is worse, too.

Exit codes
  0 nothing got worse    99 something did    104 the schedule or the baseline is wrong    105 stopped by a signal`,
    load: () => import("./gate.ts"),
  },
  {
    usage: "up",
    summary: "Boot a lab: namespaces, cgroups, volume, Postgres, Redis and the services",
    options: [
      LAB,
      [
        "--toxiproxy [url]",
        "Services reach each other through proxies: on a node of the lab, or on the server there",
      ],
      ["--mitigations <names>", "all, none or a comma list: what the services begin with (default: none)"],
      ["--prometheus", "A Prometheus of the lab's own scrapes every node once a second, and keeps six hours"],
      ["--json", "Print the lab as JSON on stdout"],
      ["--quiet", "No progress on stderr"],
    ],
    examples: [
      "chaoslab up",
      "chaoslab up --lab second",
      "chaoslab up --toxiproxy",
      "chaoslab up --toxiproxy=http://127.0.0.1:8474",
      "chaoslab up --mitigations timeout,breaker",
      "chaoslab up --prometheus",
    ],
    details: `A server named by --toxiproxy, chaoslab's or Shopify's, must run on this host outside of any container: its proxies
listen on the host's address in the lab. They are removed by \`down\`. $CHAOSLAB_TOXIPROXY_TOKEN is sent to it as
bearer token. Without --toxiproxy no fault of type toxic can be injected.`,
    load: () => import("./up.ts"),
  },
  {
    usage: "mitigate <names>",
    summary: "Switch mitigations of a lab's services at run time: all, none or a comma list",
    options: [ANY_LAB, ["--json", "Print what each service said as JSON on stdout"]],
    examples: ["chaoslab mitigate all", "chaoslab mitigate timeout,retry_budget,breaker --lab second"],
    details: async () => (await import("./mitigation-flags.ts")).mitigationsHelp(),
    load: () => import("./mitigate.ts"),
  },
  {
    usage: "status",
    summary: "Show the labs on this host, their nodes and active faults",
    options: [
      ["--lab <lab>", "Only this lab: a name, docker, or a file such as lab.yaml"],
      ["--json", "Print JSON on stdout"],
    ],
    examples: ["chaoslab status", "chaoslab status --lab second --json"],
    load: () => import("./status.ts"),
  },
  {
    usage: "down",
    summary:
      "Revert every fault and remove a lab; of one that chaoslab did not boot, forget what is kept about it",
    options: [ANY_LAB, ["--all", "Every lab on this host"], ["--quiet", "No progress on stderr"]],
    examples: ["chaoslab down", "chaoslab down --all", "chaoslab down --lab docker"],
    load: () => import("./down.ts"),
  },
  {
    usage: "inject <fault>",
    summary: "Inject one fault into a lab; it is reverted by its lease, by `revert`, or when its keeper dies",
    options: [
      ANY_LAB,
      ["--target <node>", "Node the fault acts on"],
      ["--for <duration>", "Lease: the fault is reverted after this (default: 1m, at most 24h)"],
      ["--backend <name>", "Insist on this mechanism (default: the first that works here)"],
      ["--json", "Print the fault as JSON on stdout"],
    ],
    examples: [
      "chaoslab inject latency --target payments --delay-ms 200 --jitter-ms 50 --for 30s",
      "chaoslab inject latency --target orders-1 --peer pg-primary --delay-ms 20",
      "chaoslab inject toxic --target redis --toxic reset_peer --timeout-ms 0 --toxicity-percent 20",
      "chaoslab inject restart --target orders-1 --drain --then orders-2",
      "chaoslab inject cpu --target orders-1 --cores 0.2 --lab docker",
    ],
    moreFlags: true,
    details: async () => `${(await import("./fault-params.ts")).paramsHelp()}

Exit codes
  0 in force    2 a flag is wrong    3 needs root    4 not possible on this host    6 no such lab or node
  7 the lab is down, or something remains of what was begun    8 in the way of another fault, or the node does not run    104 not on this
  target`,
    load: () => import("./inject.ts"),
  },
  {
    usage: "faults",
    summary: "List the active faults of the labs on this host",
    options: [
      ["--lab <lab>", "Only this lab: a name, docker, or a file such as lab.yaml"],
      ["--json", "Print JSON on stdout"],
    ],
    examples: ["chaoslab faults", "chaoslab faults --json"],
    load: () => import("./faults.ts"),
  },
  {
    usage: "revert [id]",
    summary: "Revert one fault or all, from whatever state; again is fine",
    options: [
      ["--all", "Every fault"],
      ["--lab <lab>", "Only in this lab: a name, docker, or a file such as lab.yaml"],
      ["--json", "Print what was reverted as JSON on stdout"],
    ],
    examples: ["chaoslab revert f-1a2b3c4d", "chaoslab revert --all"],
    details: `After the undo it looks whether the fault is gone: the event's gone is true, false, or null when nobody could look,
and remains says what is still to be seen.

Exit codes
  0 reverted, or nothing to revert    2 a flag is wrong    3 needs root
  7 a fault could not be reverted, or something remains of it`,
    load: () => import("./revert.ts"),
  },
  {
    usage: "integrity",
    summary: "Check a lab that is up: is every order there, charged once, by its own amount, and settled?",
    options: [
      ANY_LAB,
      ["--pending-bound <duration>", "For how long an order may be pending (default: 30s)"],
      ["--json", "Print one JSON document on stdout"],
    ],
    examples: ["chaoslab integrity", "chaoslab integrity --lab second --json"],
    details: `Holds payments' ledger, the primary and the replica against each other, over all orders made since the lab booted.
What is under way is looked at again until it has settled or is overdue. What clients were told is not known here, so
what rests on it is unknown; \`run\` checks that too.

Exit codes
  0 nothing is violated    99 something is; its orders are named    6 no such lab    7 the ledger or a database cannot be read`,
    load: () => import("./integrity.ts"),
  },
  {
    usage: "chaos",
    summary: "Serve the controller: a live page, and faults over HTTP",
    options: [
      ANY_LAB,
      ["--host <address>", "Address to listen on (default: 127.0.0.1); another one needs a token"],
      ["--port <n>", "Port to listen on (default: 8666)"],
      ["--socket <path>", "Listen on a unix socket instead"],
      ["--token <text>", "Bearer token that every request must carry (or $CHAOSLAB_TOKEN)"],
      ["--schedules <dir>", "Schedules that /chaos/experiments lists (default: schedules)"],
      ["--results <dir>", "Runs that /chaos/experiments lists (default: results)"],
    ],
    examples: [
      "chaoslab chaos",
      "CHAOSLAB_TOKEN=... chaoslab chaos --host 0.0.0.0",
      "chaoslab chaos --socket /run/chaos.sock",
    ],
    details: `Routes
  GET /   the live page, for a browser
  POST /chaos/inject {type,target,params,duration_s}   POST /chaos/revert/{id}   POST /chaos/revert
  GET /chaos/faults   GET /chaos/experiments   GET /metrics   GET /openapi/json
A reverted fault says whether it is gone, and what remains. POST /chaos/revert answers 503 when one could not be reverted,
and names it. Without a token only requests to a loopback name are answered; a socket is its owner's alone. The page asks
for the token.

Exit codes
  0 stopped by a signal, all reverted    2 a flag is wrong    3 needs root    5 the address is in use    6 no such lab
  7 the lab is down, or a fault could not be reverted at the end`,
    load: () => import("./chaos.ts"),
  },
  {
    usage: "exporter",
    summary: "Serve metrics of PostgreSQL and Redis servers, and of a lab's nodes, for a Prometheus",
    options: [
      [
        "--lab <name>",
        "Tell of this lab: its databases, its nodes' cgroups and volumes, the faults in force",
      ],
      [
        "--faults <lab>",
        "Tell of the faults in force of this lab: a name, docker, or a file such as lab.yaml",
      ],
      ["--postgres <name=url>", "A PostgreSQL server and what to call it; may be given more than once"],
      ["--redis <name=url>", "A Redis server and what to call it; may be given more than once"],
      ["--host <address>", "Address to listen on (default: 127.0.0.1)"],
      ["--port <n>", "Port to listen on, 0 for any free one (default: 9187)"],
    ],
    examples: [
      "chaoslab exporter --lab lab",
      "PGPASSWORD=... chaoslab exporter --postgres pg-primary=postgres://monitor@127.0.0.1/shop --redis redis=redis://127.0.0.1",
    ],
    details: `GET /metrics asks every server anew; one that does not answer within 0.8 s is told of as down. Of PostgreSQL the role
must be a superuser or a member of pg_monitor. A password that is not in an address is taken from $PGPASSWORD.

Exit codes
  0 stopped by a signal    2 a flag is wrong    5 the address is in use    6 no such lab`,
    load: () => import("./exporter.ts"),
  },
  {
    usage: "observe",
    summary: "Write what a Prometheus and a Grafana need: scrape config, rules, data source and board",
    options: [
      ["--out <dir>", "Folder to write to (default: observe)"],
      [
        "--lab <name>",
        "Scrape the nodes of this lab by address (default: nodes by their names, as in containers)",
      ],
      ["--schedule <file>", "SLIs, SLOs and stop conditions of this schedule (default: those of the system)"],
      ["--prometheus <url>", "Where Grafana finds Prometheus (default: http://prometheus:9090)"],
    ],
    examples: [
      "chaoslab observe",
      "chaoslab observe --lab lab --prometheus http://127.0.0.1:9090 --out /tmp/observe",
      "chaoslab observe --schedule schedules/cascade.yaml",
    ],
    details: `prometheus/ holds prometheus.yml and its rules: each SLI as a series sli:<name>:<unit>, alerts SloOutOfBound and
StopCondition. grafana/ holds provisioning and the board. \`up --prometheus\` needs none of it.`,
    load: () => import("./observe.ts"),
  },
  {
    usage: "doctor",
    summary: "Tell what this host can do, which mechanism each fault takes, and what is missing",
    options: [["--json", "Print JSON on stdout"]],
    examples: ["chaoslab doctor", "chaoslab doctor --json"],
    details: "Exits 0 when everything works here, 4 when something is missing.",
    load: () => import("./doctor.ts"),
  },
  {
    usage: "docs [topic]",
    summary: "Print the manual, which is in the binary: a list of topics, or one of them as Markdown",
    options: [["--json", "Print JSON on stdout: the topics, or the one with its text"]],
    examples: ["chaoslab docs", "chaoslab docs load", "chaoslab docs architecture | less"],
    details: `Exit codes
  0 printed    2 no such topic`,
    load: () => import("./docs.ts"),
  },
  {
    usage: "completion <shell>",
    summary: "Print completion for bash, zsh or fish",
    options: [],
    examples: ["source <(chaoslab completion bash)", "chaoslab completion fish | source"],
    load: () => import("./completion.ts"),
  },
  {
    usage: "load [url]",
    summary: "Send requests by an open model: one URL, a scenario, or the built-in mix on a lab",
    options: [
      ["--rate <rps>", "Offered load in requests per second, or a ramp such as 100..2000 (default: 100)"],
      ["--for <duration>", "How long requests are sent, e.g. 30s (default: 10s)"],
      ["--stages <list>", "Rates over time instead, e.g. '500 for 30s, 500..2000 for 1m'"],
      ...SOURCE_FLAGS,
      ...LIMIT_FLAGS,
      ...SHARE_FLAGS,
      HGRM_FLAG,
      [
        "--check",
        "Mix: read the answers; --stream then has the orders that were acknowledged and reads that were answered wrong",
      ],
      [
        "--threshold <text>",
        "What must hold, e.g. 'p99 < 250 ms' or 'rate >= 95 % for 5s'; may be given again",
      ],
      ["--without-slo", "Scenario: leave out the thresholds that it brings along"],
      [
        "--metrics <port>",
        "Serve Prometheus metrics at [host:]port while running; beyond loopback with a token",
      ],
      ["--token <text>", "Bearer token that a scrape must carry (or $CHAOSLAB_TOKEN)"],
      ["--print-schedule <n>", "Print the first n requests of the sequence and exit"],
      ["--stream", "Per-second records as NDJSON on stdout while running"],
      ["--json", "Print the summary as one JSON document on stdout"],
      ["--quiet", "No progress on stderr"],
    ],
    examples: [
      "chaoslab load http://127.0.0.1:8080/ --rate 1000 --for 30s",
      "chaoslab load --rate 200..800 --for 1m --seed 7 --json",
      "chaoslab load http://10.0.0.5/ --rate 9000 --shard 1/3 --start-at 2030-01-31T12:00:00Z --json > 1.json",
      "chaoslab load --threshold 'p99 < 250 ms' --threshold 'POST /orders: error_rate < 1 % for 5s'",
      "chaoslab load --scenario schedules/scenarios/shop.yaml --rate 200",
    ],
    details: `Sharing a load
  --workers: each worker sends every n-th request and makes its own captures; not for a scenario with a setup.
  --shard: each host makes a scenario's setup requests itself.
  --shard: every host gets the same flags, but its own shard; limits such as --connections are each host's own.
  Hosts agree on --start-at by their own clocks, which are taken to be kept by NTP.

${HGRM_DETAILS}

Thresholds: [operation:] metric <|<=|>|>= value [for duration]
  latency from the intended send time, in ms or s   mean p50 p90 p95 p99 p999 max
  shares of requests, in % or from 0 to 1           error_rate availability
  good answers per second, in rps                   goodput
  of the whole load alone                           rate dropped (shares), slip_p99 (ms or s)
A request without an answer counts in latency as one that took the timeout. rate is the share of the requests due that
were sent within 10 ms of their time. Without 'for' a threshold is judged at the end, over the whole load. With it each
second is judged by the requests that ended in it; when so many seconds on end are out of bounds the load is aborted.

Exit codes
  0 done    2 a flag is wrong    5 the port of --metrics is in use    6 no such lab, or nothing answers
  99 a threshold did not hold    105 stopped by a signal`,
    load: () => import("./load.ts"),
  },
  {
    usage: "merge [...files]",
    summary: "Merge what the shards of one load reported (--json or --stream) into one summary",
    options: [
      ["--max-spread <duration>", "Most that their starts may be apart (default: 1s)"],
      HGRM_FLAG,
      ["--json", "Print the summary as one JSON document on stdout"],
    ],
    examples: ["chaoslab merge 1.json 2.json 3.json", "chaoslab merge *.ndjson --json --hgrm distributions"],
    details: `Counts and histograms add up exactly, so the quantiles are those of the whole load. A missing shard is said.
What does not belong together is refused: seed, stages, targets, operations, arrivals and limits must be the same.
Each t_start is by its own host's clock, which is taken to be kept by NTP.

${HGRM_DETAILS}

Exit codes
  0 merged    2 a flag is wrong    104 a file is wrong, or does not belong to the others`,
    load: () => import("./merge.ts"),
  },
  {
    usage: "ramp [url]",
    summary: "Find the rate at which a system breaks, and a steady rate below it",
    options: [
      ["--from <rps>", "Lowest rate (default: 50)"],
      ["--to <rps>", "Highest rate (default: 2000)"],
      ["--factor <n>", "Each step is this many times the one before (default: 1.5), then bisection to 5 %"],
      ["--step <rps>", "Each step is this much more than the one before, instead; no bisection"],
      ["--step-for <duration>", "How long a step is measured, in whole seconds (default: 10s)"],
      ["--warm-up <duration>", "Load before each measurement that is not judged (default: 5s)"],
      ["--continuous", "One ramp from --from to --to instead of steps"],
      ["--for <duration>", "How long that ramp takes (default: 2m)"],
      ["--repeats <n>", "How often the breakpoint is searched for (default: 3)"],
      ["--slo <objective>", "E.g. 'POST /orders: p99 < 250 ms' or 'error_rate < 0.1 %'; may be given again"],
      ["--knee <share>", "Goodput below this share of the offered load is a breach too (default: 0.95)"],
      ["--sustain <duration>", "A breach counts when it lasts this long (default: 3s)"],
      ["--share <share>", "The steady rate as a share of the breakpoint (default: 0.65)"],
      ...SOURCE_FLAGS,
      ...LIMIT_FLAGS,
      ["--out <dir>", "Where ramp.json, ramp.csv and ramp.svg go (default: results/ramp-<time>)"],
      ["--json", "Print ramp.json on stdout"],
      ["--quiet", "No progress on stderr"],
    ],
    examples: [
      "chaoslab ramp --out results/ramp",
      "chaoslab ramp http://127.0.0.1:8080/ --from 100 --to 5000 --slo 'p99 < 50 ms'",
      "chaoslab ramp --continuous --for 3m --repeats 5 --json",
    ],
    details: `Objectives, unless --slo names others: error_rate < 0.1 %, and p99 < 250 ms; of the mix, of POST /orders.
The breakpoint is the highest rate that held below the lowest that broke, twice; the median over the repeats.
It is not named when the generator was the limit: requests left late (--slip-limit) or never (--drop-limit), which
explains what was out, or the generator had its one core full. Unless --connections is given, there are enough for a whole --timeout of requests.
A schedule takes the steady rate with load: { rate: { from: ramp.json } }, a path relative to the schedule.

Exit codes
  0 a breakpoint was found    99 none can be named; the last sentence says why    105 stopped by a signal
  2 wrong flag    6 no lab, or the target cannot be reached`,
    load: () => import("./ramp.ts"),
  },
  {
    usage: "sut <service>",
    summary: "Run one service of the system under test: api, orders, payments or catalog; or migrate",
    options: [
      ["--host <address>", "Address to listen on (default: 127.0.0.1, or $HOST)"],
      ["--port <n>", "Port to listen on, 0 for any free one (default: per service, or $PORT)"],
      ["--name <name>", "Name of this node in logs and metrics (default: the service, or $NODE_NAME)"],
    ],
    examples: [
      "LEDGER_PATH=/tmp/ledger.db chaoslab sut payments --port 8082",
      "PG_PRIMARY_URL=postgres://postgres@127.0.0.1/postgres chaoslab sut migrate",
    ],
    details: `Services and their environment (variables without a default are required)
  api       port 8080: POST /token, GET|POST /orders, GET /products/{id}
            JWT_SECRET (at least 32 bytes), ORDERS_URLS (comma list of http:// addresses), CATALOG_URL,
            ORDERS_CONNECTIONS (64: most requests in flight to orders, over all replicas),
            REDIS_URL (of the mitigation catalog_fallback)
  orders    port 8081: reads from the replica, checkout on the primary
            PG_PRIMARY_URL, PG_REPLICA_URL, PAYMENTS_URL, CATALOG_URL, WORKERS (16: requests at once),
            PG_POOL_SIZE (10: connections to each of primary and replica),
            REDIS_URL (of the mitigation catalog_fallback)
  payments  port 8082: POST /charges, GET /ledger, PUT|GET|DELETE /behaviour
            LEDGER_PATH (SQLite file), SERVICE_TIME_MS (40: mean), SEED (1: of service times and refusals)
  catalog   port 8083: GET /products/{id}
            PG_REPLICA_URL, REDIS_URL, CACHE_TTL_S (60: in Redis), LOCAL_CACHE_TTL_S (5: in the process)
  migrate   creates the schema, seeds the primary and exits; safe to run again
            PG_PRIMARY_URL, SEED_ORDERS (10000), SEED_PRODUCTS (1000), TENANTS (20)

Every service answers /healthz, /readyz and /metrics, and stops on SIGTERM within 5 s (with the mitigation
draining, 7 s). Mitigations: MITIGATIONS (all, none or a comma list; default none) or MITIGATIONS_FILE, which wins where
it exists; at run time GET|PUT /mitigations {"mitigations": [...]}. See chaoslab mitigate --help. Services start without
their stores and connect when those come up. Start services with BUN_CONFIG_MAX_HTTP_REQUESTS=65000: the
runtime otherwise queues outgoing requests beyond 256, and only the environment it starts with can change that.

Exit codes
  0 stopped by a signal    2 a variable is missing or wrong    4 migrate: Postgres did not do it    5 the port is in use`,
    load: () => import("./sut.ts"),
  },
  {
    usage: "toxiproxy",
    summary: "Serve the Toxiproxy API: TCP proxies with latency, bandwidth, reset and other toxics",
    options: [
      ["--host <address>", "Address of the API (default: 127.0.0.1); any but loopback needs a token"],
      ["--port <n>", "Port of the API, 0 for any free one (default: 8474)"],
      ["--config <file>", "JSON list of proxies to begin with, as POST /populate takes it"],
      ["--seed <n>", "Seed of toxicity, jitter and slice sizes (default: 1)"],
      ["--token <text>", "Bearer token that every request must carry (or $CHAOSLAB_TOKEN)"],
    ],
    examples: [
      "chaoslab toxiproxy",
      "chaoslab toxiproxy --config proxies.json --seed 7",
      "CHAOSLAB_TOKEN=... chaoslab toxiproxy --host 0.0.0.0",
    ],
    details: `API, as of Toxiproxy 2: its clients work unchanged
  GET|POST /proxies    POST /populate    GET|PATCH|POST|DELETE /proxies/{proxy}    POST /reset
  GET|POST /proxies/{proxy}/toxics    GET|PATCH|POST|DELETE /proxies/{proxy}/toxics/{toxic}
  GET /version    GET /metrics

Toxics and their attributes; all are whole numbers, 0 unless given
  latency     latency, jitter: ms                   bandwidth  rate: KB/s, 0 lets nothing through
  slow_close  delay: ms                             timeout    timeout: ms until closed, 0 never
  reset_peer  timeout: ms after the first data      slicer     average_size, size_variation: bytes; delay: us
  limit_data  bytes

The same seed makes the same connections toxic: it depends on the proxy's and the toxic's name and on how many
connections the proxy accepted before. A toxic with the field seed, ours alone, goes by that and by its type and
stream instead. A proxy's listen address without a host means 127.0.0.1.

Exit codes
  0 stopped by a signal    2 a flag is wrong    5 the port is in use    104 the file is wrong`,
    load: () => import("./toxiproxy.ts"),
  },
];

/** Processes that chaoslab starts for itself; not part of the command line's contract. */
export const INTERNAL_COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  /** Boots and supervises a lab's nodes. */
  supervise: () => import("./internal/supervise.ts"),
  /** Reverts what a run did when the run dies. */
  guard: () => import("./internal/guard.ts"),
  /** Holds one fault of `inject` until its lease ends. */
  keep: () => import("./internal/keep.ts"),
  /** Holds packets of one NFQUEUE queue and releases them when they are due. */
  nfqueue: () => import("./internal/nfqueue.ts"),
  /** Skews the clock of one node's processes, and restores it. */
  clock: () => import("./internal/clock.ts"),
  /** Sends one worker's part of a load. */
  "load-worker": () => import("./internal/load-worker.ts"),
};

/**
 * The documents of `docs/`, put into the binary as text: a host that has nothing but the binary has its manual too.
 * @module
 */
import addingAFault from "../../docs/adding-a-fault.md" with { type: "text" };
import addingAService from "../../docs/adding-a-service.md" with { type: "text" };
import addingAnExperiment from "../../docs/adding-an-experiment.md" with { type: "text" };
import architecture from "../../docs/architecture.md" with { type: "text" };
import attach from "../../docs/attach.md" with { type: "text" };
import containers from "../../docs/containers.md" with { type: "text" };
import findings from "../../docs/findings.md" with { type: "text" };
import live from "../../docs/live.md" with { type: "text" };
import load from "../../docs/load.md" with { type: "text" };
import mitigations from "../../docs/mitigations.md" with { type: "text" };
import observability from "../../docs/observability.md" with { type: "text" };
import release from "../../docs/release.md" with { type: "text" };
import reports from "../../docs/reports.md" with { type: "text" };
import scenarios from "../../docs/scenarios.md" with { type: "text" };

export interface Topic {
  /** Name of the file, without its ending. */
  name: string;
  /** Markdown, as it is in the file. */
  text: string;
}

/** In the order they are listed: by name. A document that is new in `docs/` gets its line here. */
export const TOPICS: readonly Topic[] = [
  { name: "adding-a-fault", text: addingAFault },
  { name: "adding-a-service", text: addingAService },
  { name: "adding-an-experiment", text: addingAnExperiment },
  { name: "architecture", text: architecture },
  { name: "attach", text: attach },
  { name: "containers", text: containers },
  { name: "findings", text: findings },
  { name: "live", text: live },
  { name: "load", text: load },
  { name: "mitigations", text: mitigations },
  { name: "observability", text: observability },
  { name: "release", text: release },
  { name: "reports", text: reports },
  { name: "scenarios", text: scenarios },
];

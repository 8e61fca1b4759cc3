/** What became of the invariants, for people. @module */
import { painter, table } from "../cli/terminal.ts";
import type { IntegrityReport } from "../model/integrity.ts";

/** A table of the invariants, and under it the ids of what is violated. */
export function describeIntegrity({ outcomes, violations }: IntegrityReport): string {
  const paint = painter(process.stdout);
  const rows = outcomes.map(({ invariant, state, checked, violations: wrong, detail }) => [
    invariant,
    state,
    String(checked),
    String(wrong),
    detail,
  ]);
  const heading = ["invariant", "state", "checked", "violations", "detail"];
  const lines = [table([heading, ...rows], ["left", "left", "right", "right", "left"])];
  for (const { invariant, ids, violations: wrong } of outcomes) {
    if (wrong === 0) continue;
    const more = wrong > ids.length ? `\n  and ${wrong - ids.length} more` : "";
    lines.push(`${invariant}:\n${ids.map((id) => `  ${id}`).join("\n")}${more}`);
  }
  lines.push(
    violations === 0 ? paint("green", "nothing is violated") : paint("red", `${violations} violations`),
  );
  return lines.join("\n\n");
}

/** The verdict as a person reads it in a terminal. @module */
import { painter, table } from "../cli/terminal.ts";
import type { RunDocument } from "../experiment/store.ts";
import { leftOf } from "../model/fault.ts";
import {
  POOL_HEADING,
  poolRows,
  RESULT_COLOUR,
  SLI_HEADING,
  sliRows,
  VERDICT_HEADING,
  verdictRow,
} from "./text.ts";

const NUMBERS = ["left", "right", "right", "right", "right", "right"] as const;

export function terminalReport(document: RunDocument, stream: { isTTY?: boolean }): string {
  const paint = painter(stream);
  const blocks = document.verdicts.map((verdict) => {
    const lines = [
      `${paint("bold", verdict.hypothesis)}: ${paint(RESULT_COLOUR[verdict.result], verdict.result.toUpperCase())}`,
      ...verdict.reasons.map((reason) => `  - ${reason}`),
      "",
      indent(
        table(
          [SLI_HEADING, ...sliRows(verdict)],
          ["left", "left", "right", "left", "right", "left", "right"],
        ),
      ),
    ];
    if (verdict.pools.length > 0)
      lines.push("", indent(table([POOL_HEADING, ...poolRows(verdict)], NUMBERS)));
    const event = verdict.fault_event;
    const left = event && leftOf(event);
    lines.push(
      "",
      `  fault     ${event?.evidence ? event.evidence.detail : "not injected"}`,
      ...(left ? [`  reverted  but ${left}`] : []),
      `  load      ${verdict.load.requests} requests at ${verdict.load.offered_rps}/s offered, slip p99 ${verdict.load.slip_p99_ms} ms, ${verdict.load.dropped} never sent`,
    );
    return lines.join("\n");
  });
  return `${[...blocks, table([VERDICT_HEADING, ...document.verdicts.map(verdictRow)]), `kept in ${document.folder}`].join("\n\n")}\n`;
}

const indent = (text: string): string => text.replace(/^/gm, "  ");

/** Where in the page a trial is. @module */
import type { Entry } from "../documents/entries.ts";

/** Of several runs in one page, trials may have one name. */
export const anchorOf = ({ run, trial }: Entry): string => `${run.document.run}.${trial}`;

/** The generator's place in the queue for processors. @module */
import { setPriority } from "node:os";

/** Ahead of the system under test, so that its work cannot delay the schedule. */
const PRIORITY = -10;

export function raisePriority(): void {
  try {
    setPriority(PRIORITY);
  } catch {
    // Needs CAP_SYS_NICE. Without it the slip tells whether the schedule was kept.
  }
}

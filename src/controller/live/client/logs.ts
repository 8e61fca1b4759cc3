/** The end of a node's log; followed, it is looked at again every other second. @module */
import type { LogView } from "../wire.ts";
import { askJson, reasonOf } from "./api.ts";
import { find, make, say } from "./dom.ts";

const FOLLOW_MS = 2_000;

const node = find("log-node", HTMLSelectElement);
const follow = find("log-follow", HTMLInputElement);
const text = find("log", HTMLPreElement);
const problem = find("log-problem", HTMLElement);

/** @param names nodes of the lab. */
export function makeLogView(names: readonly string[]): void {
  const chosen = node.value;
  node.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
  if (names.includes(chosen)) node.value = chosen;
  void look();
}

async function look(): Promise<void> {
  const wanted = node.value;
  try {
    const { lines } = await askJson<LogView>(`/live/logs/${encodeURIComponent(wanted)}`);
    if (node.value !== wanted) return;
    const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 8;
    text.textContent = lines.join("\n") || "empty";
    // Who has scrolled up reads.
    if (atEnd || text.scrollTop === 0) text.scrollTop = text.scrollHeight;
    say(problem, "");
  } catch (error) {
    say(problem, reasonOf(error));
  }
}

node.addEventListener("change", () => {
  text.scrollTop = 0;
  void look();
});
find("log-again", HTMLButtonElement).addEventListener("click", () => void look());
setInterval(() => {
  if (follow.checked && !document.hidden) void look();
}, FOLLOW_MS);

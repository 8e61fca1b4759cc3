/** The faults that are in force, each with its button, and those that have ended. @module */
import { showParams, showTimes } from "../format.ts";
import type { LiveState } from "../state.ts";
import type { FaultView } from "../wire.ts";
import { askJson, reasonOf } from "./api.ts";
import { find, make, say } from "./dom.ts";

/** How long is waited for the system to be itself again, in seconds. */
const RECOVERY_S = 30;

/** What the controller answers to a revert, as far as it is shown. */
interface Reverted {
  gone: boolean | null;
  remains: string | null;
  mttr_s: number | null;
}

const list = find("faults", HTMLElement);
const past = find("past", HTMLElement);
const heading = find("h-faults", HTMLElement);
const result = find("fault-result", HTMLElement);
const all = find("revert-all", HTMLButtonElement);

interface Item {
  element: HTMLElement;
  times: HTMLElement;
}
/** By the fault's id: a button that has the focus must not be made anew each second. */
const items = new Map<string, Item>();

all.addEventListener("click", () => void revertAll());

const nameOf = ({ type, target }: FaultView): string => `${type} on ${target}`;

/** @param now the controller's clock, Unix epoch milliseconds. */
export function paintFaults({ faults }: LiveState, now: number): void {
  const active = faults.filter(({ t_stop }) => t_stop === null);
  for (const [id, { element }] of items) if (!active.some((fault) => fault.id === id)) remove(id, element);
  for (const fault of active) {
    const item = items.get(fault.id) ?? add(fault);
    say(item.times, showTimes(fault, now));
  }
  find("no-faults", HTMLElement).hidden = active.length > 0;
  all.hidden = active.length === 0;
  const ended = faults.filter(({ t_stop }) => t_stop !== null).reverse();
  say(find("past-count", HTMLElement), String(ended.length));
  past.replaceChildren(
    ...ended.map((fault) => {
      const left = fault.left === null ? "" : `: ${fault.left}`;
      return make("li", {}, `${nameOf(fault)}, ${showTimes(fault, now)}${left}`);
    }),
  );
}

function add(fault: FaultView): Item {
  const button = make("button", { type: "button" }, "Revert");
  button.setAttribute("aria-label", `Revert ${nameOf(fault)}`);
  button.addEventListener("click", () => void revert(fault, button));
  const times = make("span", { class: "quiet" });
  const params = showParams(fault.params);
  const words = make(
    "span",
    {},
    make("strong", {}, `⚡ ${nameOf(fault)}`),
    params && ` ${params}`,
    ` by ${fault.backend}, `,
    times,
  );
  const item = { element: make("li", {}, words, button), times };
  list.append(item.element);
  items.set(fault.id, item);
  return item;
}

function remove(id: string, element: HTMLElement): void {
  const hadFocus = element.contains(document.activeElement);
  element.remove();
  items.delete(id);
  // The keyboard goes on from here, not from the top of the page.
  if (hadFocus) heading.focus();
}

async function revert(fault: FaultView, button: HTMLButtonElement): Promise<void> {
  if (button.hasAttribute("aria-disabled")) return;
  // Not `disabled`: that would take the focus away.
  button.setAttribute("aria-disabled", "true");
  const path = `/chaos/revert/${encodeURIComponent(fault.id)}`;
  const name = nameOf(fault);
  say(result, `reverting ${name}`);
  try {
    const { gone, remains } = await askJson<Reverted>(`${path}?wait_s=0`, { method: "POST" });
    if (gone !== true)
      return say(result, `${name} was reverted; ${remains ?? "nobody could look if it is gone"}`);
    say(result, `${name} was reverted, and nothing of it is left`);
    const { mttr_s } = await askJson<Reverted>(`${path}?wait_s=${RECOVERY_S}`, { method: "POST" });
    if (mttr_s !== null) say(result, `${name} was reverted; steady again after ${mttr_s} s`);
  } catch (error) {
    button.removeAttribute("aria-disabled");
    say(result, `${name}: ${reasonOf(error)}`);
  }
}

async function revertAll(): Promise<void> {
  say(result, "reverting all");
  try {
    const { reverted } = await askJson<{ reverted: unknown[] }>("/chaos/revert", { method: "POST" });
    say(result, `${reverted.length} reverted`);
  } catch (error) {
    say(result, reasonOf(error));
  }
}

/** The experiments with their last verdicts, and the newest runs with their reports. @module */
import type { ExperimentsView, RunView } from "../wire.ts";
import { ask, askJson, reasonOf, token } from "./api.ts";
import { find, make, row, say } from "./dom.ts";

/** Each result by its shape, its word and its colour. */
const RESULTS: Readonly<Record<RunView["verdicts"][number]["result"], { shape: string; kind: string }>> = {
  held: { shape: "●", kind: "ready" },
  degraded: { shape: "◆", kind: "warn" },
  inconclusive: { shape: "?", kind: "quiet" },
  failed: { shape: "✕", kind: "bad" },
};

const problem = find("experiments-problem", HTMLElement);

export async function lookAtExperiments(): Promise<void> {
  try {
    const { experiments, runs } = await askJson<ExperimentsView>("/live/experiments");
    say(problem, "");
    find("experiments", HTMLElement).replaceChildren(
      ...experiments.map(({ file, name, problem: wrong, last }) => {
        const title = make("span", { title: file }, name ?? file);
        if (wrong !== null) return row([title, make("span", { class: "error" }, wrong)]);
        return row([title, last ? verdictsOf(last) : "not run yet"]);
      }),
    );
    find("runs", HTMLElement).replaceChildren(...(runs.length > 0 ? runs.map(runRow) : [row(["none"])]));
  } catch (error) {
    say(problem, reasonOf(error));
  }
}
find("experiments-again", HTMLButtonElement).addEventListener("click", () => void lookAtExperiments());

const runRow = (run: RunView): HTMLTableRowElement =>
  row([run.run, run.state, verdictsOf(run), reportOf(run)]);

function verdictsOf({ verdicts }: RunView): HTMLElement {
  const made = verdicts.map(({ name, result }) => {
    const { shape, kind } = RESULTS[result];
    return make("li", {}, `${name} `, make("strong", { class: `nowrap ${kind}` }, `${shape} ${result}`));
  });
  return made.length > 0 ? make("ul", { class: "plain" }, ...made) : make("span", {}, "none");
}

function reportOf({ run, report }: RunView): HTMLElement {
  if (report === null) return make("span", {}, "none");
  if (token.get() === null) {
    const where = { href: report, target: "_blank", rel: "noopener", "aria-label": `Report of ${run}` };
    return make("a", where, "report");
  }
  // A link carries no token.
  const button = make("button", { type: "button", "aria-label": `Save the report of ${run}` }, "save");
  button.addEventListener("click", () => void save(report, run));
  return button;
}

async function save(report: string, run: string): Promise<void> {
  try {
    const url = URL.createObjectURL(await (await ask(report)).blob());
    make("a", { href: url, download: `${run}.html` }).click();
    URL.revokeObjectURL(url);
  } catch (error) {
    say(problem, reasonOf(error));
  }
}

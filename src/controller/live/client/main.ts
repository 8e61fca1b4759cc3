/** The live page's script: what the controller tells, painted. @module */
import type { PageData } from "../fields.ts";
import { LiveState } from "../state.ts";
import { chartsEveryMs, onSpanChange, paintCharts, paintOperations } from "./charts.ts";
import { LIVE, stayConnected } from "./connection.ts";
import { find, say } from "./dom.ts";
import { lookAtExperiments } from "./experiments.ts";
import { paintFaults } from "./faults.ts";
import { makeInjectForm } from "./inject.ts";
import { makeLogView } from "./logs.ts";
import { paintNodes } from "./nodes.ts";
import { Painter } from "./painter.ts";
import { drawTopology, paintTopology } from "./topology.ts";

const data: PageData = JSON.parse(find("data", HTMLScriptElement).text);
const connection = find("connection", HTMLElement);
const state = new LiveState();

const now = (): number => state.controllerTime(Date.now());
const texts = new Painter(
  () => {
    paintFaults(state, now());
    paintOperations(state);
    paintTopology(state);
    paintNodes(state);
  },
  () => 1_000,
);
const charts = new Painter(() => paintCharts(state, now()), chartsEveryMs);
onSpanChange(() => paintCharts(state, now()));

/** What is made once for a lab. The controller may come back as another lab's. */
let made: string | null = null;
function makeOnce(): void {
  const { snapshot } = state;
  if (!snapshot) return;
  find("main", HTMLElement).hidden = false;
  const plan = JSON.stringify([snapshot.lab, snapshot.places]);
  if (plan === made) return;
  made = plan;
  say(find("lab-name", HTMLElement), snapshot.lab);
  drawTopology(snapshot);
  makeInjectForm(data.forms, snapshot.places);
  makeLogView(snapshot.places.filter((place) => place !== "client"));
  void lookAtExperiments();
}

void stayConnected({
  event: (event) => {
    state.apply(event, Date.now());
    if (event.name === "snapshot") makeOnce();
    // What a person waits for.
    if (event.name === "faults") paintFaults(state, now());
    texts.soon();
    charts.soon();
  },
  state: (words) => {
    say(connection, words);
    connection.className = words === LIVE ? "ready" : "warn";
  },
});

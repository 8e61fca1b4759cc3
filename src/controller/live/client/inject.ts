/** The form that injects a fault: its fields from the schema of the type, what is wrong next to the field it is about. @module */
import { type FaultForm, type Field, paramsOf } from "../fields.ts";
import { askJson, RefusedError, reasonOf } from "./api.ts";
import { find, make, say } from "./dom.ts";

/** What the controller takes without being told. */
const DEFAULT_DURATION_S = "60";

type Control = HTMLInputElement | HTMLSelectElement;

const form = find("inject", HTMLFormElement);
const host = find("inject-fields", HTMLElement);
const result = find("inject-result", HTMLElement);

/** The controls by the path that the controller calls them by, e.g. `params.delay_ms`. */
const controls = new Map<string, { control: Control; error: HTMLElement }>();

/** @param places nodes of the lab. */
export function makeInjectForm(forms: readonly FaultForm[], places: readonly string[]): void {
  const type = select(forms.map((each) => each.type));
  const target = select(places);
  const params = make("fieldset", {}, make("legend", {}, "Params"));
  const showParams = (): void => {
    for (const path of [...controls.keys()].filter((each) => each.startsWith("params.")))
      controls.delete(path);
    const fields = fieldsOf(forms, type.value);
    const made = fields.map((field) =>
      labelled(`params.${field.name}`, labelOf(field), controlOf(field, places), field.accepts),
    );
    params.replaceChildren(make("legend", {}, `Params of ${type.value}`), ...made);
    params.hidden = made.length === 0;
  };
  host.replaceChildren(
    labelled("type", "fault", type),
    labelled("target", "target", target),
    params,
    labelled("duration_s", "for (s)", input("number", DEFAULT_DURATION_S), "reverted after that"),
  );
  if (places.includes("payments")) target.value = "payments";
  type.addEventListener("change", showParams);
  showParams();
  form.onsubmit = (event) => {
    event.preventDefault();
    void inject({
      type: type.value,
      target: target.value,
      params: paramsOf(
        fieldsOf(forms, type.value),
        ({ name }) => controls.get(`params.${name}`)?.control.value ?? "",
      ),
      ...durationOf(controls.get("duration_s")?.control.value ?? ""),
    });
  };
}

const fieldsOf = (forms: readonly FaultForm[], type: string): readonly Field[] =>
  forms.find((each) => each.type === type)?.fields ?? [];

const labelOf = ({ label, unit, required }: Field): string =>
  `${label}${unit ? ` (${unit})` : ""}${required ? "" : ", optional"}`;

function durationOf(text: string): { duration_s?: unknown } {
  if (text.trim() === "") return {};
  return { duration_s: Number.isFinite(Number(text)) ? Number(text) : text };
}

function select(values: readonly string[]): HTMLSelectElement {
  return make("select", {}, ...values.map((value) => make("option", { value }, value || "default")));
}

function input(type: string, value: string): HTMLInputElement {
  return make("input", { type, value, autocomplete: "off", ...(type === "number" ? { step: "any" } : {}) });
}

function controlOf(field: Field, places: readonly string[]): Control {
  const optional = field.required ? [] : [""];
  if (field.kind === "number") return input("number", field.initial);
  if (field.kind === "nodes") return input("text", field.initial);
  const values = { choice: field.choices, boolean: ["true", "false"], node: places }[field.kind];
  const made = select([...optional, ...values]);
  made.value = field.initial;
  return made;
}

/** A control with its label, what it accepts, and room for what is wrong with it. */
function labelled(path: string, label: string, control: Control, accepts = ""): HTMLElement {
  const id = `field-${path}`;
  const error = make("p", { id: `${id}-error`, class: "error" });
  const hint = make("span", { id: `${id}-hint`, class: "hint" }, accepts);
  control.id = id;
  control.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  controls.set(path, { control, error });
  return make("div", { class: "field" }, make("label", { for: id }, label), control, hint, error);
}

async function inject(body: unknown): Promise<void> {
  for (const { control, error } of controls.values()) {
    control.removeAttribute("aria-invalid");
    say(error, "");
  }
  say(result, "injecting");
  try {
    const { fault_type, target, backend } = await askJson<Injected>("/chaos/inject", {
      method: "POST",
      body,
    });
    say(result, `${fault_type} on ${target} is in force, by ${backend}`);
  } catch (error) {
    showRefusal(error);
  }
}

interface Injected {
  fault_type: string;
  target: string;
  backend: string;
}

function showRefusal(error: unknown): void {
  const refusal = error instanceof RefusedError ? error.refusal : null;
  const wrong = controls.get(refusal?.field ?? "");
  if (!refusal || !wrong) {
    say(result, `not injected: ${refusal?.field ? `${refusal.field}: ` : ""}${reasonOf(error)}`);
    return;
  }
  const accepted = refusal.accepted ? `; accepted: ${refusal.accepted.join(", ")}` : "";
  say(wrong.error, `${refusal.error}${accepted}`);
  wrong.control.setAttribute("aria-invalid", "true");
  wrong.control.focus();
  say(result, "not injected");
}

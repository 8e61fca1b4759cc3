/**
 * Rules for one request of a scenario, whether of the setup or of the load.
 * @module
 */
import { reasonOf } from "../../cli/errors.ts";
import { suggestion } from "../../config/nearest.ts";
import type { Fail } from "../../config/yaml-file.ts";
import type { Capture, RequestSpec, Scenario } from "../../model/scenario.ts";
import { headerProblem, isHeaderName, pathProblem } from "../encode.ts";
import { HEADER_VALUE } from "./captures.ts";
import { constantOf, variablesOf } from "./template.ts";
import { BUILT_IN } from "./variables.ts";

type Path = readonly string[];

export class RequestRules {
  readonly #scenario: Scenario;
  readonly #fail: Fail;
  /** Every variable there is. */
  readonly #known: Set<string>;
  /** Those that have a value by now. */
  readonly #ready: Set<string>;
  readonly #initial = new Map<string, string>();

  constructor(scenario: Scenario, fail: Fail) {
    this.#scenario = scenario;
    this.#fail = fail;
    const seeded = [...BUILT_IN, ...Object.keys(scenario.variables ?? {})];
    const captures = [...(scenario.setup ?? []), ...scenario.operations].flatMap(({ capture = {} }) =>
      Object.entries(capture),
    );
    for (const [name, { initial }] of captures) {
      if (initial !== undefined && !this.#initial.has(name)) this.#initial.set(name, initial);
    }
    this.#known = new Set([...seeded, ...captures.map(([name]) => name)]);
    this.#ready = new Set([...seeded, ...this.#initial.keys()]);
  }

  check(spec: RequestSpec, at: Path): void {
    this.#target(spec, at);
    this.#text(spec.path, [...at, "path"]);
    const bad = constantOf(spec.path) === "" ? null : pathProblem(constantOf(spec.path));
    if (bad !== null || spec.path.includes("#")) {
      const accepted = "ASCII without spaces and #; write others percent-encoded";
      throw this.#fail([...at, "path"], `${JSON.stringify(spec.path)} is not a path; expected ${accepted}`);
    }
    for (const [name, value] of Object.entries(spec.headers ?? {})) this.#header(name, value, at);
    if (spec.body !== undefined && spec.json !== undefined) {
      throw this.#fail([...at, "json"], "takes the place of body; give one of them");
    }
    if (spec.body !== undefined) this.#text(spec.body, [...at, "body"]);
    this.#json(spec.json, [...at, "json"]);
    this.#answer(spec, at);
  }

  /** From here on the captures of this request have a value. */
  captured({ capture = {} }: RequestSpec): void {
    for (const name of Object.keys(capture)) this.#ready.add(name);
  }

  #target({ target }: RequestSpec, at: Path): void {
    const known = Object.keys(this.#scenario.targets);
    if (target === undefined && known.length > 1) {
      throw this.#fail(at, `target: is missing; one of ${known.join(", ")}`);
    }
    if (target !== undefined && !known.includes(target)) {
      const text = `${target} is not a target${suggestion(target, known)}; one of ${known.join(", ")}`;
      throw this.#fail([...at, "target"], text);
    }
  }

  /** Every variable of a text is there, and has a value before the text is first used. */
  #text(text: string, path: Path): string[] {
    let names: string[];
    try {
      names = variablesOf(text);
    } catch (error) {
      throw this.#fail(path, reasonOf(error));
    }
    for (const name of names) {
      if (!this.#known.has(name)) {
        const known = [...this.#known].join(", ");
        const text = `no variable \${${name}}${suggestion(name, this.#known)}; there are ${known}`;
        throw this.#fail(path, text);
      }
      if (this.#ready.has(name)) continue;
      const why = "no setup request before captures it, and its capture has no initial value";
      throw this.#fail(path, `\${${name}} could be empty: ${why}`);
    }
    return names;
  }

  #header(name: string, value: string, at: Path): void {
    const path = [...at, "headers", name];
    const names = this.#text(value, path);
    const problem = headerProblem([name, constantOf(value)]);
    if (problem !== null) throw this.#fail(path, problem);
    const values = [constantOf(value), ...names.flatMap((each) => this.#valuesOf(each))];
    const bad = values.find((each) => !HEADER_VALUE.test(each));
    if (bad !== undefined) throw this.#fail(path, `${JSON.stringify(bad)} has a character that is not ASCII`);
  }

  /** The values of a variable that are in the file. */
  #valuesOf(name: string): string[] {
    if (name === "tenant") return this.#scenario.tenants?.names ?? [];
    return (this.#scenario.variables?.[name]?.choice ?? [this.#initial.get(name) ?? ""]).map(String);
  }

  #json(value: unknown, path: Path): void {
    if (typeof value === "string") this.#text(value, path);
    if (typeof value !== "object" || value === null) return;
    for (const [key, child] of Object.entries(value)) this.#json(child, [...path, key]);
  }

  #answer({ method, expect, capture = {} }: RequestSpec, at: Path): void {
    const inside = expect?.json ? "json" : expect?.body_contains ? "body_contains" : undefined;
    if (method === "HEAD" && inside)
      throw this.#fail([...at, "expect", inside], "the answer to HEAD has no body");
    for (const [name, spec] of Object.entries(capture))
      this.#capture(name, spec, method, [...at, "capture", name]);
  }

  #capture(name: string, { json, header, initial }: Capture, method: string, path: Path): void {
    const taken = [...BUILT_IN, ...Object.keys(this.#scenario.variables ?? {})];
    if (taken.includes(name)) throw this.#fail(path, "is the name of a variable; take another");
    if ((json === undefined) === (header === undefined)) {
      throw this.#fail(path, "give one of json and header");
    }
    if (method === "HEAD" && json !== undefined) {
      throw this.#fail([...path, "json"], "the answer to HEAD has no body");
    }
    if (header !== undefined && !isHeaderName(header)) {
      throw this.#fail([...path, "header"], `${JSON.stringify(header)} is not a header name`);
    }
    const first = this.#initial.get(name);
    if (initial !== undefined && initial !== first) {
      throw this.#fail([...path, "initial"], `${name} has another initial value: ${JSON.stringify(first)}`);
    }
  }
}

/**
 * Which mitigations are on in this process: told at the start by the environment, switched at run time over HTTP.
 * @module
 */
import { readFileSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { type Mitigation, parseMitigations } from "../../src/model/mitigations.ts";
import { ConfigError, type Env } from "../common/config.ts";
import { reasonOf } from "../common/log.ts";

export { MITIGATIONS, type Mitigation } from "../../src/model/mitigations.ts";

/** The file that outlives a process, and the body of `PUT /mitigations`. */
export const MitigationsDocument = Type.Object(
  { mitigations: Type.Union([Type.String(), Type.Array(Type.String())]) },
  { additionalProperties: false },
);
export type MitigationsDocument = Static<typeof MitigationsDocument>;

export class Mitigations {
  #on: ReadonlySet<Mitigation>;
  readonly #listeners: (() => void)[] = [];

  constructor(names: readonly Mitigation[] = []) {
    this.#on = new Set(names);
  }

  /**
   * Reads MITIGATIONS (`all`, `none` or a comma list), and MITIGATIONS_FILE, which wins where it exists: a node that is
   * started again comes back as it was switched.
   * @throws ConfigError
   */
  static fromEnv(env: Env): Mitigations {
    const path = env.text("MITIGATIONS_FILE", "the path of a file", "");
    try {
      const written = path ? readDocument(path) : null;
      return new Mitigations(parseMitigations(written ?? env.text("MITIGATIONS", "names", "none")));
    } catch (error) {
      throw new ConfigError(`${env.service}: MITIGATIONS: ${reasonOf(error)}`);
    }
  }

  on(name: Mitigation): boolean {
    return this.#on.has(name);
  }

  get names(): Mitigation[] {
    return [...this.#on];
  }

  /** From the next request on. @throws RangeError for an unknown name; then nothing is changed. */
  set(given: MitigationsDocument["mitigations"]): void {
    this.#on = new Set(parseMitigations(given));
    for (const listener of this.#listeners) listener();
  }

  /** For what is more than a decision per request: connections to open, loops to start. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

/** Null when there is no such file. */
function readDocument(path: string): MitigationsDocument["mitigations"] | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  const document: unknown = JSON.parse(text);
  if (!Value.Check(MitigationsDocument, document))
    throw new RangeError(`${path} is not {"mitigations": [...]}`);
  return document.mitigations;
}

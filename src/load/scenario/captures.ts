/**
 * Values taken from answers: of each variable, the latest per tenant.
 * @module
 */
import { type Context, ESCAPES } from "./template.ts";
import type { Value } from "./variables.ts";

/** What a header's value may be made of, so that no answer can add lines to a request. */
export const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

export class Captures implements Value {
  /** Per context that asked: the value of each tenant as it is written there. */
  readonly #written = new Map<Context, string[]>();

  constructor(
    readonly tenants: number,
    readonly initial: string,
  ) {}

  in(context: Context): (index: number, tenant: number) => string {
    const values =
      this.#written.get(context) ?? new Array<string>(this.tenants).fill(ESCAPES[context](this.initial));
    this.#written.set(context, values);
    return (_, tenant) => values[tenant] ?? "";
  }

  /** Keeps a value. False when there is none, or it cannot stand where it is used. */
  keep(value: string, tenant: number): boolean {
    if (value === "" || (this.#written.has("header") && !HEADER_VALUE.test(value))) return false;
    for (const [context, values] of this.#written) values[tenant] = ESCAPES[context](value);
    return true;
  }

  /** Gives every tenant the first one's value. */
  share(): void {
    for (const values of this.#written.values()) values.fill(values[0] ?? "");
  }
}

/**
 * What a service is told through its environment: each reader returns a checked value or throws one line
 * that names the variable.
 * @module
 */

/** A variable is missing or wrong. The message is one line, meant for the person who starts the service. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export interface NumberRange {
  min: number;
  max: number;
}

export class Env {
  constructor(
    readonly service: string,
    private readonly values: Readonly<Record<string, string | undefined>>,
  ) {}

  /** The variable's text, or the fallback; without a fallback the variable is required. */
  text(name: string, accepted: string, fallback?: string): string {
    const value = this.values[name]?.trim();
    if (value) return value;
    if (fallback !== undefined) return fallback;
    throw new ConfigError(`${this.service}: ${name} is not set: ${accepted} is needed`);
  }

  /** A number in `range`, bounds included. */
  number(name: string, range: NumberRange, fallback: number): number {
    return this.#number(name, range, fallback, "a number", Number.isFinite);
  }

  integer(name: string, range: NumberRange, fallback: number): number {
    return this.#number(name, range, fallback, "a whole number", Number.isSafeInteger);
  }

  /** An address with one of `protocols` (e.g. `["http:"]`) and no path, without a trailing slash. */
  httpUrl(name: string): string {
    return this.#httpUrl(name, this.text(name, "an http:// address"));
  }

  /** A comma list of http:// addresses, at least one. */
  httpUrls(name: string): string[] {
    const accepted = "a comma list of http:// addresses";
    const urls = this.text(name, accepted)
      .split(",")
      .map((part) => part.trim());
    return urls.map((url) => this.#httpUrl(name, url, accepted));
  }

  /** An address with one of the protocols, e.g. `["redis:"]`, as it was given. */
  url(name: string, protocols: readonly string[]): string {
    const accepted = `an address such as ${protocols[0]}//host:port`;
    const value = this.text(name, accepted);
    const parsed = URL.parse(value);
    if (!parsed || !protocols.includes(parsed.protocol)) throw this.#bad(name, value, accepted);
    return value;
  }

  /** As {@link url}; null when the variable is not set. */
  optionalUrl(name: string, protocols: readonly string[]): string | null {
    return this.values[name]?.trim() ? this.url(name, protocols) : null;
  }

  #httpUrl(name: string, value: string, accepted = "an http:// address"): string {
    const parsed = URL.parse(value);
    const plain = parsed?.pathname === "/" && parsed.search === "" && parsed.hash === "";
    if (parsed?.protocol !== "http:" || !plain) throw this.#bad(name, value, accepted);
    return parsed.origin;
  }

  #number(
    name: string,
    { min, max }: NumberRange,
    fallback: number,
    kind: string,
    accepts: (value: number) => boolean,
  ): number {
    const text = this.text(name, kind, String(fallback));
    const value = Number(text);
    if (!accepts(value) || value < min || value > max) {
      throw this.#bad(name, text, `${kind} from ${min} to ${max}`);
    }
    return value;
  }

  #bad(name: string, value: string, accepted: string): ConfigError {
    return new ConfigError(`${this.service}: ${name}: ${JSON.stringify(value)} is not ${accepted}`);
  }
}

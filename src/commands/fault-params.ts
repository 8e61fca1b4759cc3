/** Params of a fault from command line flags: `--delay-ms 200` is `delay_ms: 200`, checked by the type's schema later. @module */
import type { TSchema } from "@sinclair/typebox";
import { ChaoslabError } from "../cli/errors.ts";
import type { Flags } from "../cli/flags.ts";
import { FAULT_TYPES, type FaultType, PARAMS } from "../model/params.ts";

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
export const flagName = (param: string): string => `--${param.replaceAll("_", "-")}`;

export function faultType(name: string): FaultType {
  const found = FAULT_TYPES.find((type) => type === name);
  if (!found) throw new ChaoslabError("usage", `no such fault: ${name}`, `faults: ${FAULT_TYPES.join(", ")}`);
  return found;
}

/** @param own names (camelCased) of the command's own flags, which are not params. */
export function paramsFromFlags(
  type: FaultType,
  flags: Flags,
  own: readonly string[],
): Record<string, unknown> {
  const properties: Readonly<Record<string, TSchema>> = PARAMS[type].properties;
  const byFlag = new Map(Object.keys(properties).map((param) => [camel(param), param]));
  const params: Record<string, unknown> = {};
  for (const [flag, value] of Object.entries(flags)) {
    if (flag === "--" || own.includes(flag) || value === undefined) continue;
    const param = byFlag.get(flag);
    if (param === undefined) {
      const accepted = Object.keys(properties).map(flagName).join(", ") || "none";
      throw new ChaoslabError(
        "usage",
        `${type}: unknown flag --${dashed(flag)}`,
        `params of ${type}: ${accepted}`,
      );
    }
    params[param] = typed(flagName(param), properties[param], value);
  }
  return params;
}

const dashed = (flag: string): string => flag.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** A flag's text as the param's type. What does not fit is left as it is, for the check by the schema. */
function typed(flag: string, schema: TSchema | undefined, value: unknown): unknown {
  const type: unknown = schema?.type;
  if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  if (value === true && type !== "boolean") throw new ChaoslabError("usage", `${flag}: a value is needed`);
  // A list may be given at once, with commas, or flag by flag: the parser has made an array of the latter.
  if (type === "array") return [value].flat().flatMap((each) => String(each).split(","));
  if (Array.isArray(value))
    throw new ChaoslabError("usage", `${flag}: given ${value.length} times, once is accepted`);
  const isNumber = (type === "number" || type === "integer") && String(value).trim() !== "";
  return isNumber && Number.isFinite(Number(value)) ? Number(value) : value;
}

/** One line per fault type with its flags, for `--help`. */
export function paramsHelp(): string {
  const lines = FAULT_TYPES.map((type) => {
    const required: readonly string[] = PARAMS[type].required ?? [];
    const flags = Object.keys(PARAMS[type].properties).map((param) =>
      required.includes(param) ? flagName(param) : `[${flagName(param)}]`,
    );
    return `  ${type.padEnd(11)} ${flags.join(" ")}`;
  });
  return ["Faults and their params", ...lines].join("\n");
}

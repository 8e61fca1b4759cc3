/**
 * A scenario as a workload.
 * @module
 */
import type { RequestSpec, Scenario, Tenants } from "../../model/scenario.ts";
import { tenantName } from "../mix.ts";
import { randomUint32, Stream } from "../random.ts";
import { boundsOf, pick, zipf } from "../weights.ts";
import type { Origin, WireRequest, Workload } from "../workload.ts";
import { Captures } from "./captures.ts";
import { type Check, createCheck, judge } from "./check.ts";
import { createEncoder, type RequestParts, type Resolve, requestParts, slotOf } from "./request.ts";
import { builtIn, createVariable, type Value } from "./variables.ts";

/** Where a scenario's requests go. */
export interface Target {
  url: URL;
  origin: Origin;
}
export type Targets = ReadonlyMap<string, Target>;

type Judge = NonNullable<WireRequest["judge"]>;

/** A request that is ready to be sent. */
interface Compiled {
  /** Index into the workload's origins. */
  origin: number;
  isHead: boolean;
  encode(index: number, tenant: number): string | Uint8Array;
  check: Check;
}

export interface SetupStep extends Compiled {
  name: string;
  /** Method and URL, for people. */
  what: string;
  perTenant: boolean;
  captures: readonly Captures[];
}

export interface CompiledScenario {
  workload: Workload;
  setup: readonly SetupStep[];
}

export const tenantsOf = ({ count, names }: Tenants = {}): readonly string[] =>
  names ?? Array.from({ length: count ?? 1 }, (_, tenant) => tenantName(tenant));

/** @param seed of the requests; the scenario's own is only a default. */
export function compileScenario(scenario: Scenario, targets: Targets, seed: number): CompiledScenario {
  const tenants = tenantsOf(scenario.tenants);
  const captures = createCaptures(scenario, tenants.length);
  const values = new Map<string, Value>(builtIn(tenants));
  for (const [position, [name, spec]] of Object.entries(scenario.variables ?? {}).entries()) {
    values.set(name, createVariable(spec, seed, position));
  }
  const resolve: Resolve = (name) => defined(captures.get(name) ?? values.get(name), name);
  const names = [...targets.keys()];
  const targetOf = ({ target = names[0] ?? "" }: RequestSpec): Target => defined(targets.get(target), target);
  const compile = (spec: RequestSpec): Compiled => ({
    origin: names.indexOf(spec.target ?? names[0] ?? ""),
    isHead: spec.method === "HEAD",
    encode: createEncoder(spec.method, requestParts(spec, targetOf(spec).url, resolve)),
    check: createCheck(spec, captures),
  });

  const setup = (scenario.setup ?? []).map((spec) => ({
    ...compile(spec),
    name: spec.name,
    what: `${spec.method} ${targetOf(spec).url.href.replace(/\/+$/, "")}${spec.path}`,
    perTenant: spec.per_tenant ?? false,
    captures: Object.keys(spec.capture ?? {}).map((name) => defined(captures.get(name), name)),
  }));
  const requests = scenario.operations.map((spec) => {
    const { check, ...request } = compile(spec);
    const isJudged = spec.expect !== undefined || spec.capture !== undefined;
    const judges: Judge[] = [];
    const judgeOf = (tenant: number): Judge => {
      judges[tenant] ??= (answer) => judge(check, answer, tenant);
      return judges[tenant];
    };
    return { ...request, wantsBody: isJudged && check.looksInside, judgeOf: isJudged ? judgeOf : () => null };
  });
  const choose = chooser(scenario, tenants.length, seed);
  // Captures are shown by their names: no answer has brought one.
  const shown: Resolve = (name) => (captures.has(name) ? { in: () => `\${${name}}` } : resolve(name));
  const columns = scenario.operations.map((spec) => createColumns(spec, targetOf(spec).url, tenants, shown));

  const workload: Workload = {
    operations: scenario.operations.map(({ name }) => name),
    tenants: tenants.length,
    origins: [...targets.values()].map(({ origin }) => origin),
    targets: [...targets.values()].map(({ url }) => url.href),
    slos: scenario.operations.flatMap(({ name, slo = [] }) => slo.map((each) => `${name}: ${each.trim()}`)),
    request(index) {
      const operation = choose.operation(index);
      const tenant = choose.tenant(index);
      const { encode, origin, isHead, wantsBody, judgeOf } = defined(requests[operation], "operation");
      const payload = encode(index, tenant);
      return { operation, tenant, origin, payload, wantsBody, isHead, judge: judgeOf(tenant) };
    },
    columns(index) {
      return defined(columns[choose.operation(index)], "operation")(index, choose.tenant(index));
    },
  };
  return { workload, setup };
}

/** Every capture of the scenario, with its initial value. */
function createCaptures({ setup = [], operations }: Scenario, tenants: number): Map<string, Captures> {
  const captures = new Map<string, Captures>();
  const specs = [...setup, ...operations].flatMap(({ capture = {} }) => Object.entries(capture));
  // Those with an initial value first, as the first of a name is the one that is kept.
  for (const [name, { initial }] of [...specs.filter(([, { initial }]) => initial !== undefined), ...specs]) {
    if (!captures.has(name)) captures.set(name, new Captures(tenants, initial ?? ""));
  }
  return captures;
}

function chooser(scenario: Scenario, tenants: number, seed: number) {
  const operations = boundsOf(scenario.operations.map(({ weight = 1 }) => weight));
  const weights = scenario.tenants?.weights === "zipf" ? zipf(tenants) : new Array<number>(tenants).fill(1);
  const shares = boundsOf(weights);
  return {
    operation: (index: number): number =>
      operations.length === 1 ? 0 : pick(operations, randomUint32(seed, index, Stream.operation)),
    tenant: (index: number): number =>
      tenants === 1 ? 0 : pick(shares, randomUint32(seed, index, Stream.tenant)),
  };
}

/** Operation, tenant, method, URL, the scenario's own headers, body. */
function createColumns(
  spec: RequestSpec,
  target: URL,
  tenants: readonly string[],
  resolve: Resolve,
): (index: number, tenant: number) => string[] {
  const { path, headers, body }: RequestParts = requestParts(spec, target, resolve);
  const own = headers.filter(([name]) => Object.hasOwn(spec.headers ?? {}, name));
  return (index, tenant) => {
    const lines = own.map(([name, value]) => `${name}: ${slotOf(value)(index, tenant)}`);
    const url = `${target.origin}${slotOf(path)(index, tenant)}`;
    const text = body ? [slotOf(body)(index, tenant)] : [];
    return [spec.name, tenants[tenant] ?? "", spec.method, url, ...lines, ...text].map(onOneLine);
  };
}

/** A tab would be taken for the next column, a line feed for the next request. */
const onOneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be seen.
  text.replace(/[\x00-\x1f\x7f]/g, (unit) => JSON.stringify(unit).slice(1, -1));

/** The checks of the scenario have seen to it that it is there. */
function defined<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`the scenario has no ${name}`);
  return value;
}

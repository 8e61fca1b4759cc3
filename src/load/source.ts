/**
 * Where the requests of a load come from.
 * @module
 */
import { createMixWorkload, type MixOptions } from "./mix.ts";
import { createSingleWorkload, type SingleOptions } from "./single.ts";
import { fetchTokens } from "./tokens.ts";
import type { Workload } from "./workload.ts";

/** The built-in mix on a system under test. */
export interface ShopSource extends MixOptions {
  kind: "shop";
  target: URL;
}
/** One request, again and again. */
export interface SingleSource extends SingleOptions {
  kind: "single";
}
export type Source = ShopSource | SingleSource;

/** The workload, ready to be sent: whatever has to be asked of the target beforehand (tokens) has been. */
export async function prepareWorkload(source: Source, timeoutMs: number): Promise<Workload> {
  if (source.kind === "single") return createSingleWorkload(source);
  const tokens = await fetchTokens(source.target, source.tenants, timeoutMs);
  return createMixWorkload(source.target, source, tokens);
}

/** The workload as `--print-schedule` shows it: no target is asked for anything. */
export function offlineWorkload(source: Source): Workload {
  return source.kind === "single"
    ? createSingleWorkload(source)
    : createMixWorkload(source.target, source, null);
}

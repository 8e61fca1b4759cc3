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

/** Bearer tokens by tenant index, asked of the target; null where the load goes without. */
export type Tokens = readonly string[] | null;

export async function askTokens(source: Source, timeoutMs: number): Promise<Tokens> {
  return source.kind === "shop" ? fetchTokens(source.target, source.tenants, timeoutMs) : null;
}

/**
 * The workload, ready to be sent: whatever has to be asked of the target beforehand (tokens) has been.
 * @param tokens what another process has asked already.
 */
export async function prepareWorkload(source: Source, timeoutMs: number, tokens?: Tokens): Promise<Workload> {
  if (source.kind === "single") return createSingleWorkload(source);
  return createMixWorkload(
    source.target,
    source,
    tokens === undefined ? await askTokens(source, timeoutMs) : tokens,
  );
}

/** The workload as `--print-schedule` shows it: no target is asked for anything. */
export function offlineWorkload(source: Source): Workload {
  return source.kind === "single"
    ? createSingleWorkload(source)
    : createMixWorkload(source.target, source, null);
}

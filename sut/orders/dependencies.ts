/**
 * The services that orders calls: catalog for prices, payments for money.
 * @module
 */
import { Value } from "@sinclair/typebox/value";
import { DependencyError } from "../common/dependency.ts";
import { type Answer, request } from "../common/http-client.ts";
import { Product } from "../common/purchase.ts";
import { DEADLINE_HEADER, type Deadline } from "../resilience/deadline.ts";
import { Guard } from "../resilience/guard.ts";
import type { Resilience } from "../resilience/resilience.ts";

export class CatalogClient {
  readonly #guard: Guard;

  constructor(
    private readonly url: string,
    private readonly resilience: Resilience,
  ) {
    this.#guard = new Guard(resilience, { dependency: "catalog", attempts: 1, timeoutMs: 150, slots: 16 });
  }

  /** Price in cents; null when there is no such product. @throws DependencyError */
  async priceOf(productId: string, deadline: Deadline | null): Promise<number | null> {
    const url = `${this.url}/products/${encodeURIComponent(productId)}`;
    const { status, body } = await this.#guard.run(
      (signal, limitMs) =>
        request(this.resilience.metrics, "catalog", url, {
          signal,
          ...(limitMs !== undefined && { headers: { [DEADLINE_HEADER]: String(limitMs) } }),
        }),
      deadline,
    );
    if (status === 404) return null;
    if (status !== 200) throw new DependencyError("catalog", "error", `status ${status}, not a product`);
    return priceIn(body);
  }
}

/** The price in a product's JSON text. @throws DependencyError when it is no product. */
export function priceIn(text: string): number {
  const product: unknown = JSON.parse(text);
  if (!Value.Check(Product, product)) throw new DependencyError("catalog", "error", "not a product");
  return product.price_cents;
}

export interface Charge {
  order_id: string;
  tenant_id: string;
  amount_cents: number;
}

/** `charged`: now. `found`: it had been before. `refused`: it was not, and never will be. */
export type ChargeResult = "charged" | "found" | "refused";

/** What a provider refuses for good: 402 Payment Required, 422 for what it cannot make sense of. */
const REFUSALS = [402, 422];

export class PaymentsClient {
  readonly #guard: Guard;

  constructor(
    private readonly url: string,
    private readonly resilience: Resilience,
  ) {
    // 32 slots of 0.3 s are 100 charges a second and node: payments may be seven times slower than it is.
    this.#guard = new Guard(resilience, { dependency: "payments", attempts: 3, timeoutMs: 600, slots: 32 });
  }

  /**
   * Charges once per order however often it is tried: the order's id is the idempotency key.
   * @throws DependencyError when it is not known whether the charge was made.
   */
  async charge(charge: Charge, deadline: Deadline | null): Promise<ChargeResult> {
    return resultOf(await this.#guard.run((signal) => this.#send(charge, signal), deadline));
  }

  /** For the reconciler: one attempt that takes no slot from clients. @throws DependencyError */
  async settle(charge: Charge): Promise<ChargeResult> {
    return resultOf(await this.#guard.once((signal) => this.#send(charge, signal), null));
  }

  #send(charge: Charge, signal: AbortSignal | undefined): Promise<Answer> {
    const headers = { "idempotency-key": charge.order_id };
    return request(this.resilience.metrics, "payments", `${this.url}/charges`, {
      method: "POST",
      headers,
      json: charge,
      signal,
    });
  }
}

function resultOf({ status }: Answer): ChargeResult {
  if (status === 201) return "charged";
  if (status === 200) return "found";
  if (REFUSALS.includes(status)) return "refused";
  throw new DependencyError("payments", "error", `status ${status}`);
}

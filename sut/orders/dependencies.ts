/**
 * The services that orders calls: catalog for prices, payments for money.
 * @module
 */
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { DependencyError } from "../common/dependency.ts";
import { request } from "../common/http-client.ts";
import type { Metrics } from "../common/metrics.ts";
import { retry } from "../common/retry.ts";

const Product = Type.Object({ id: Type.String(), price_cents: Type.Integer({ minimum: 0 }) });

export class CatalogClient {
  constructor(
    private readonly url: string,
    private readonly metrics: Metrics,
  ) {}

  /** Price in cents; null when there is no such product. */
  async priceOf(productId: string): Promise<number | null> {
    const { status, body } = await request(
      this.metrics,
      "catalog",
      `${this.url}/products/${encodeURIComponent(productId)}`,
    );
    if (status === 404) return null;
    const product: unknown = status === 200 ? JSON.parse(body) : null;
    if (!Value.Check(Product, product)) {
      throw new DependencyError("catalog", "error", `status ${status}, not a product`);
    }
    return product.price_cents;
  }
}

export interface Charge {
  order_id: string;
  tenant_id: string;
  amount_cents: number;
}

const ATTEMPTS = 3;

export class PaymentsClient {
  constructor(
    private readonly url: string,
    private readonly metrics: Metrics,
  ) {}

  /** Charges once per order however often it is tried: the order's id is the idempotency key. */
  async charge(charge: Charge): Promise<void> {
    const call = { method: "POST", headers: { "idempotency-key": charge.order_id }, json: charge } as const;
    const { status } = await retry(ATTEMPTS, () =>
      request(this.metrics, "payments", `${this.url}/charges`, call),
    );
    if (status !== 200 && status !== 201) throw new DependencyError("payments", "error", `status ${status}`);
  }
}

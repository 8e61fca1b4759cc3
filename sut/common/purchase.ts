/**
 * What api, orders and catalog agree upon: the body of `POST /orders`, a product, and where its copies are.
 * @module
 */
import { Type } from "@sinclair/typebox";

/** TypeBox's own types: those of Elysia's `t` also accept numbers written as text. */
export const PurchaseBody = Type.Object({
  product_id: Type.String({ minLength: 1 }),
  quantity: Type.Integer({ minimum: 1, maximum: 100 }),
});

/** What makes a product in whatever carries it. */
export const Product = Type.Object({ id: Type.String(), price_cents: Type.Integer({ minimum: 0 }) });

/** Where Redis has the last known copy of a product. */
export const lastKnownKey = (productId: string): string => `product-last:${productId}`;

/**
 * What `POST /orders` takes, at the api and at orders alike.
 * @module
 */
import { Type } from "@sinclair/typebox";

/** TypeBox's own types: those of Elysia's `t` also accept numbers written as text. */
export const PurchaseBody = Type.Object({
  product_id: Type.String({ minLength: 1 }),
  quantity: Type.Integer({ minimum: 1, maximum: 100 }),
});

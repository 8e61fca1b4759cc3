/**
 * What request number `index` asks for: a pure function of (seed, index).
 *
 * The contract with the system under test: orders `o-0000000`.. are seeded, order i belongs to tenant index
 * i % tenants; products are `p-0000`..; tenants are `tenant-01`.. (index + 1).
 * @module
 */
import { OPERATIONS } from "../model/load.ts";
import { AnswerCheck } from "./answer-check.ts";
import { randomBelow, randomUint32, randomUnit, Stream } from "./random.ts";
import { boundsOf, pick, zipf } from "./weights.ts";
import { type Answer, originOf, type Workload } from "./workload.ts";

export interface MixOptions {
  seed: number;
  /** Share of `GET /orders/{id}`, 0 to 1; the rest is `POST /orders`. */
  reads: number;
  tenants: number;
  /** Orders seeded in the system; at least one per tenant. */
  orders: number;
  products: number;
}

export interface MixRequest {
  /** Index into OPERATIONS. */
  operation: number;
  /** Tenant index. */
  tenant: number;
  method: "GET" | "POST";
  path: string;
  /** JSON text; null for a read. */
  body: string | null;
}

export type Mix = (index: number) => MixRequest;

const READ = OPERATIONS.indexOf("GET /orders/{id}");
const WRITE = OPERATIONS.indexOf("POST /orders");
const MAX_QUANTITY = 3;
const ORDERS = "/orders/";

export const tenantName = (tenant: number): string => `tenant-${String(tenant + 1).padStart(2, "0")}`;
export const orderId = (order: number): string => `o-${String(order).padStart(7, "0")}`;
export const productId = (product: number): string => `p-${String(product).padStart(4, "0")}`;

/** The built-in mix. Throws RangeError when some tenant would own no seeded order. */
export function createMix({ seed, reads, tenants, orders, products }: MixOptions): Mix {
  if (orders < tenants) throw new RangeError(`${orders} orders cannot give each of ${tenants} tenants one`);
  const bounds = boundsOf(zipf(tenants));
  return (index) => {
    const tenant = pick(bounds, randomUint32(seed, index, Stream.tenant));
    if (randomUnit(seed, index, Stream.operation) < reads) {
      const owned = Math.ceil((orders - tenant) / tenants);
      const order = tenant + tenants * randomBelow(owned, seed, index, Stream.order);
      const path = `${ORDERS}${orderId(order)}`;
      return { operation: READ, tenant, method: "GET", path, body: null };
    }
    const product = productId(randomBelow(products, seed, index, Stream.product));
    const quantity = 1 + randomBelow(MAX_QUANTITY, seed, index, Stream.quantity);
    return {
      operation: WRITE,
      tenant,
      method: "POST",
      path: "/orders",
      body: `{"product_id":"${product}","quantity":${quantity}}`,
    };
  };
}

/**
 * The built-in mix as a workload on one target, whose path is put before the operations' paths.
 * @param tokens bearer token by tenant index; null for none.
 * @param check whether answers are read, and remembered.
 */
export function createMixWorkload(
  target: URL,
  options: MixOptions,
  tokens: readonly string[] | null,
  check = false,
): Workload {
  const mix = createMix(options);
  const encode = createEncoder(target, tokens);
  const plain: Workload = {
    operations: OPERATIONS,
    tenants: options.tenants,
    origins: [originOf(target)],
    targets: [target.href],
    slos: [],
    request(index) {
      const request = mix(index);
      const { operation, tenant } = request;
      const payload = encode(request);
      return { operation, tenant, origin: 0, payload, wantsBody: false, isHead: false, judge: null };
    },
    columns(index) {
      const { method, path, body, tenant } = mix(index);
      return [method, tenantName(tenant), path, ...(body === null ? [] : [body])];
    },
  };
  return check ? checked(plain, mix) : plain;
}

function checked(plain: Workload, mix: Mix): Workload {
  const answers = new AnswerCheck();
  return {
    ...plain,
    request(index, offsetMs = 0) {
      const { operation, path, tenant } = mix(index);
      const name = tenantName(tenant);
      const second = Math.floor(offsetMs / 1_000);
      const judge =
        operation === READ
          ? (answer: Answer) => answers.read(answer, path.slice(ORDERS.length), name, second)
          : (answer: Answer) => answers.write(answer, name, second);
      return { ...plain.request(index), wantsBody: true, judge };
    },
    takeRecord: () => answers.take(),
  };
}

/** Encoder for one target; `tokens[tenant]` is sent as a bearer token, none when `tokens` is null. */
export function createEncoder(
  target: URL,
  tokens: readonly string[] | null,
): (request: MixRequest) => string {
  const base = target.pathname.replace(/\/+$/, "");
  const common = `Host: ${target.host}\r\nUser-Agent: chaoslab\r\nAccept: */*\r\n`;
  const heads = tokens?.map((token) => `${common}Authorization: Bearer ${token}\r\n`);
  return ({ method, path, body, tenant }) => {
    const head = `${method} ${base}${path} HTTP/1.1\r\n${heads?.[tenant] ?? common}`;
    if (body === null) return `${head}\r\n`;
    return `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
}

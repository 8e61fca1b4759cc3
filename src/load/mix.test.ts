import { describe, expect, test } from "bun:test";
import { createEncoder, createMix, type MixOptions, tenantName } from "./mix.ts";

const OPTIONS: MixOptions = { seed: 5, reads: 0.8, tenants: 20, orders: 10_000, products: 1_000 };

const first = (count: number, options: Partial<MixOptions> = {}) => {
  const mix = createMix({ ...OPTIONS, ...options });
  return Array.from({ length: count }, (_, i) => mix(i));
};

describe("mix", () => {
  test("is a function of seed and index, in whatever order it is asked", () => {
    const forward = first(500);
    const mix = createMix(OPTIONS);
    for (let i = 499; i >= 0; i--) expect<unknown>(mix(i)).toEqual(forward[i]);
    expect(first(50, { seed: 6 })).not.toEqual(forward.slice(0, 50));
  });

  test("reads have their share, and keep to the tenant's own seeded orders", () => {
    const requests = first(50_000);
    const reads = requests.filter(({ method }) => method === "GET");
    expect(Math.abs(reads.length / 50_000 - 0.8)).toBeLessThan(0.01);
    const distinct = new Set<string>();
    for (const { path, tenant, body } of reads) {
      const order = Number(/^\/orders\/o-(\d{7})$/.exec(path)?.[1]);
      expect(order % 20).toBe(tenant);
      expect(order).toBeLessThan(10_000);
      expect(body).toBeNull();
      distinct.add(path);
    }
    expect(distinct.size).toBeGreaterThan(5_000);
  });

  test("orders that do not divide evenly among tenants are all in range, and all reachable", () => {
    const seen = new Set(first(5_000, { orders: 23, reads: 1 }).map(({ path }) => path));
    expect([...seen].sort()).toEqual(
      Array.from({ length: 23 }, (_, i) => `/orders/o-${String(i).padStart(7, "0")}`),
    );
    expect(() => createMix({ ...OPTIONS, orders: 19 })).toThrow(RangeError);
  });

  test("writes carry a valid body", () => {
    const writes = first(2_000, { reads: 0 });
    expect(writes.every(({ method, path }) => method === "POST" && path === "/orders")).toBe(true);
    for (const { body } of writes) {
      expect(body).toMatch(/^\{"product_id":"p-0\d{3}","quantity":[123]\}$/);
    }
  });

  test("tenants are weighted 1/(k+1)", () => {
    const counts = new Array<number>(20).fill(0);
    for (const { tenant } of first(100_000)) counts[tenant] = (counts[tenant] ?? 0) + 1;
    const harmonic = counts.reduce((sum, _, k) => sum + 1 / (k + 1), 0);
    counts.forEach((count, k) => {
      const expected = 100_000 / (k + 1) / harmonic;
      expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected));
    });
  });

  test("names have two digits at least", () => {
    expect([0, 9, 99].map(tenantName)).toEqual(["tenant-01", "tenant-10", "tenant-100"]);
  });
});

describe("request encoder", () => {
  test("writes a read and a write as HTTP/1.1", () => {
    const encode = createEncoder(new URL("http://127.0.0.1:8080/base/"), ["t0", "t1"]);
    const read = {
      operation: 0,
      tenant: 1,
      method: "GET",
      path: "/orders/o-1",
      body: null,
    } as const;
    expect(encode(read)).toBe(
      "GET /base/orders/o-1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: chaoslab\r\nAccept: */*\r\nAuthorization: Bearer t1\r\n\r\n",
    );
    const write = encode({
      operation: 1,
      tenant: 0,
      method: "POST",
      path: "/orders",
      body: "{}",
    });
    expect(write).toContain("Authorization: Bearer t0\r\nContent-Type: application/json\r\n");
    expect(write).toEndWith("Content-Length: 2\r\n\r\n{}");
    expect(createEncoder(new URL("http://h"), null)(read)).not.toContain("Authorization");
  });
});

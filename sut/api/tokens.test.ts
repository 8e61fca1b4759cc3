import { describe, expect, test } from "bun:test";
import { TOKEN_LIFETIME_S, Tokens } from "./tokens.ts";

const SECRET = "a secret of at least thirty-two bytes";

describe("Tokens", () => {
  test("an issued token names its tenant, however often it is used", async () => {
    const tokens = await Tokens.create(SECRET);
    const header = `Bearer ${await tokens.issue("tenant-07")}`;
    expect(await tokens.tenantOf(header)).toBe("tenant-07");
    expect(await tokens.tenantOf(header)).toBe("tenant-07");
  });

  test("a token expires by the wall clock although it was verified before", async () => {
    let now = 1_700_000_000_000;
    const tokens = await Tokens.create(SECRET, () => now);
    const header = `Bearer ${await tokens.issue("tenant-01")}`;
    expect(await tokens.tenantOf(header)).toBe("tenant-01");
    now += TOKEN_LIFETIME_S * 1_000 - 1;
    expect(await tokens.tenantOf(header)).toBe("tenant-01");
    now += 1;
    expect(await tokens.tenantOf(header)).toBeNull();
  });

  test("by a wall clock set back, a token is not valid yet, although it was used before", async () => {
    let now = 1_700_000_000_000;
    const tokens = await Tokens.create(SECRET, () => now);
    const header = `Bearer ${await tokens.issue("tenant-01")}`;
    expect(await tokens.tenantOf(header)).toBe("tenant-01");
    now -= 1_000;
    expect(await tokens.tenantOf(header)).toBeNull();
    expect(await tokens.tenantOf(header)).toBeNull();
  });

  test("with a leeway its times may be off by that much, known or not, and no more", async () => {
    let now = 1_700_000_000_000;
    const issued = now;
    const tokens = await Tokens.create(
      SECRET,
      () => now,
      () => 300_000,
    );
    const [known, fresh] = [
      `Bearer ${await tokens.issue("tenant-01")}`,
      `Bearer ${await tokens.issue("tenant-02")}`,
    ];
    await tokens.tenantOf(known);
    now = issued - 300_000;
    expect([await tokens.tenantOf(known), await tokens.tenantOf(fresh)]).toEqual(["tenant-01", "tenant-02"]);
    now = issued + TOKEN_LIFETIME_S * 1_000 + 299_000;
    expect([await tokens.tenantOf(known), await tokens.tenantOf(fresh)]).toEqual(["tenant-01", "tenant-02"]);
    now = issued + TOKEN_LIFETIME_S * 1_000 + 301_000;
    expect([await tokens.tenantOf(known), await tokens.tenantOf(fresh)]).toEqual([null, null]);
  });

  test("foreign, altered and missing tokens are refused", async () => {
    const tokens = await Tokens.create(SECRET);
    const foreign = await Tokens.create(`${SECRET} of somebody else`);
    expect(await tokens.tenantOf(`Bearer ${await foreign.issue("tenant-01")}`)).toBeNull();
    expect(await tokens.tenantOf(`Bearer ${(await tokens.issue("tenant-01")).slice(0, -2)}`)).toBeNull();
    expect(await tokens.tenantOf(await tokens.issue("tenant-01"))).toBeNull();
    expect(await tokens.tenantOf(null)).toBeNull();
  });
});

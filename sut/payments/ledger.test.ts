import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ledger } from "./ledger.ts";

const order = (n: number) => ({ order_id: `o-${n}`, tenant_id: "tenant-01", amount_cents: 100 + n });

describe("Ledger", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ledger-"));
    path = join(folder, "ledger.db");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("a key charges once and always answers the first charge, whatever is asked later", () => {
    const ledger = new Ledger(path);
    const first = ledger.charge("k", order(1));
    expect(first).toMatchObject({ first: true, charge: { key: "k", amount_cents: 101, rowid: 1 } });
    expect(ledger.charge("k", order(2))).toEqual({ first: false, charge: first.charge });
    expect(ledger.find("k")).toEqual(first.charge);
    expect(ledger.find("other")).toBeNull();
    expect(ledger.totals()).toEqual({ charges: 1, amount_cents: 101 });
    ledger.close();
  });

  test("charges survive the death of the process that made them", async () => {
    // Killed without closing: only what a commit put on disk is left.
    const script = `
      const { Ledger } = await import(${JSON.stringify(join(import.meta.dir, "ledger.ts"))});
      const ledger = new Ledger(process.argv.at(-1));
      for (let n = 0; n < 50; n++) ledger.charge("k" + n, { order_id: "o-" + n, tenant_id: "tenant-01", amount_cents: 1 });
      process.kill(process.pid, "SIGKILL");`;
    const child = Bun.spawn([process.execPath, "-e", script, path], { stderr: "inherit" });
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    const ledger = new Ledger(path);
    expect(ledger.totals()).toEqual({ charges: 50, amount_cents: 50 });
    expect(ledger.charge("k7", order(7)).first).toBe(false);
    ledger.close();
  });

  test("processes that charge the same keys at the same time charge each once", async () => {
    new Ledger(path).close();
    const script = `
      const { Ledger } = await import(${JSON.stringify(join(import.meta.dir, "ledger.ts"))});
      const ledger = new Ledger(process.argv.at(-1));
      let firsts = 0;
      for (let n = 0; n < 200; n++) {
        if (ledger.charge("k" + n, { order_id: "o-" + n, tenant_id: "tenant-01", amount_cents: 1 }).first) firsts++;
      }
      console.log(firsts);`;
    const children = Array.from({ length: 3 }, () =>
      Bun.spawn([process.execPath, "-e", script, path], { stderr: "inherit" }),
    );
    const firsts = await Promise.all(
      children.map(async (child) => Number(await new Response(child.stdout).text())),
    );
    expect(firsts.reduce((a, b) => a + b)).toBe(200);
    const ledger = new Ledger(path);
    expect(ledger.totals().charges).toBe(200);
    ledger.close();
  });

  test("an audit reads all charges in pages, in order", () => {
    const ledger = new Ledger(path);
    for (let n = 0; n < 25; n++) ledger.charge(`k${n}`, order(n));
    const seen: string[] = [];
    for (let after = 0, page = ledger.after(after, 10); page.length > 0; page = ledger.after(after, 10)) {
      seen.push(...page.map((charge) => charge.key));
      after = page.at(-1)?.rowid ?? after;
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `k${n}`));
    ledger.close();
  });

  test.each([0, -5])("an amount of %p cents is refused", (amount_cents) => {
    const ledger = new Ledger(path);
    expect(() => ledger.charge("k", { ...order(1), amount_cents })).toThrow("CHECK");
    expect(ledger.totals().charges).toBe(0);
    ledger.close();
  });
});

/** What needs no lab; collecting from a real one is in test/experiment/integrity.test.ts. */
import { expect, test } from "bun:test";
import { HostLab } from "../../lab/host/lab.ts";
import { DEFAULT_CHOICES, type LabRecord } from "../../lab/host/record.ts";
import { checkIntegrity } from "./check.ts";
import { beginIntegrity, collectIntegrity } from "./collect.ts";

const record: LabRecord = {
  name: "never-was",
  subnet: 511,
  boot_id: "",
  created_at: "",
  state: "ready",
  supervisor: null,
  ...DEFAULT_CHOICES,
  postgres_password: "none",
  jwt_secret: "none",
};
const lab = new HostLab(record);
const start = { ledger: 0, transaction: 0, t_ms: 0, pending: [] };

test("a lab whose network is gone is asked nothing: no fact, and nothing is found to hold", async () => {
  const started = performance.now();
  const facts = await collectIntegrity(lab, start, { pendingBoundS: 30, deadlineMs: 30_000 });
  // An address that nobody has takes seconds to be given up.
  expect(performance.now() - started).toBeLessThan(1_000);
  expect([facts.primary, facts.replica, facts.charges]).toEqual([null, null, null]);
  expect(facts.problems.slice(0, 2)).toEqual([
    "ledger: the lab's network is gone",
    "primary: the lab's network is gone",
  ]);
  const { outcomes, violations } = checkIntegrity(facts);
  expect(outcomes.every(({ state }) => state === "unknown")).toBe(true);
  expect(violations).toBe(0);
});

test("a run cannot begin there, and says so in one line", () => {
  expect(beginIntegrity(lab)).rejects.toThrow("integrity: ledger: the lab's network is gone");
});

test("who stops it gets his own reason back", () => {
  const signal = AbortSignal.abort(new Error("enough"));
  expect(collectIntegrity(lab, start, { pendingBoundS: 30, deadlineMs: 30_000, signal })).rejects.toThrow(
    "enough",
  );
});

import { expect, test } from "bun:test";
import { seeded } from "../../src/model/random.ts";
import { budgetedRetry, RetryBudget } from "./retry-budget.ts";

/** Pauses before the retries of calls that all fail. */
async function pauses(seed: number, calls: number): Promise<number[]> {
  const seen: number[] = [];
  const budget = new RetryBudget();
  const policy = budgetedRetry(3, budget, seeded(seed), () => true);
  policy.onRetry(({ delay }) => seen.push(delay));
  const failing = () => Promise.reject(new Error("down"));
  for (let i = 0; i < calls; i++) await policy.execute(failing).catch(() => {});
  return seen;
}

test("pauses are drawn from zero up to 20 and 40 ms, the same for the same seed", async () => {
  const first = await pauses(1, 5);
  expect(first).toHaveLength(10);
  for (const [i, pause] of first.entries()) expect(pause).toBeWithin(0, i % 2 === 0 ? 20 : 40);
  expect(await pauses(1, 5)).toEqual(first);
  expect(await pauses(2, 5)).not.toEqual(first);
});

test("a call's last failure costs no token: what it took for a retry that never comes is given back", async () => {
  const budget = new RetryBudget();
  const policy = budgetedRetry(
    2,
    budget,
    () => 0,
    () => true,
  );
  await policy.execute(() => Promise.reject(new Error("down"))).catch(() => {});
  expect(budget.tokens).toBe(49);
});

test("an empty budget allows none, and fills by a tenth a call, never beyond fifty", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 50; i++) expect(budget.tryWithdraw()).toBeTrue();
  expect(budget.tryWithdraw()).toBeFalse();
  for (let i = 0; i < 11; i++) budget.deposit();
  expect(budget.tryWithdraw()).toBeTrue();
  for (let i = 0; i < 1_000; i++) budget.deposit();
  expect(budget.tokens).toBe(50);
});

import { expect, test } from "bun:test";
import { waitForAll } from "./wait.ts";

test("the first failure is thrown once every task has ended", async () => {
  const slow = Promise.withResolvers<void>();
  let heard = false;
  const all = waitForAll([Promise.reject(new Error("first")), slow.promise, Promise.resolve()]).catch(
    (error: unknown) => {
      heard = true;
      throw error;
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toBeFalse();
  slow.resolve();
  await expect(all).rejects.toThrow("first");
});

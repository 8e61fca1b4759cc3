import { expect, test } from "bun:test";
import type { Outcome } from "../model/load.ts";
import { Place } from "./place.ts";

/** How an attempt ends: with the wire's other end, or an outcome. */
function attempt(place: Place): Promise<Outcome | "open"> {
  return new Promise((resolve, reject) => {
    place.connect({
      onOpen: (wire) => {
        wire.terminate();
        resolve("open");
      },
      onFailed: resolve,
      onDefect: reject,
      onData() {},
      onDrain() {},
      onClose() {},
    });
  });
}

test("tries each address of a name, and begins with the one that let it in", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  let asked = 0;
  const place = new Place("two.test", server.port, async () => {
    asked++;
    return ["127.0.0.9", "127.0.0.1"];
  });
  expect(await attempt(place)).toBe("open");
  expect(place.addresses()).toEqual(["127.0.0.1", "127.0.0.9"]);
  expect(await attempt(place)).toBe("open");
  expect(asked).toBe(1);
});

test("an attempt fails as its last address does, and a name without any cannot be connected to", async () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  server.stop(true);
  expect(await attempt(new Place("two.test", server.port, async () => ["127.0.0.9", "127.0.0.1"]))).toBe(
    "refused",
  );
  expect(await attempt(new Place("none.test", 80, () => Promise.reject(new Error("no such name"))))).toBe(
    "connect",
  );
});

test("keeps to the addresses it had while the resolver does not answer", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  let answers = true;
  const place = new Place("one.test", server.port, () =>
    answers ? Promise.resolve(["127.0.0.1"]) : Promise.reject(new Error("no answer")),
  );
  expect(await attempt(place)).toBe("open");
  answers = false;
  place.forget();
  expect(await attempt(place)).toBe("open");
});

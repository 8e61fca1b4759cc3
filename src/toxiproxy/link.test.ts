import { expect, test } from "bun:test";
import { acts } from "./link.ts";

const decisions = (seed: number, proxy: string, toxic: string, toxicity: number): boolean[] =>
  Array.from({ length: 2_000 }, (_, connection) => acts(seed, proxy, toxic, connection, toxicity));

test("the same seed, proxy and toxic decide the same; any other differs", () => {
  const first = decisions(1, "p", "t", 0.5);
  expect(decisions(1, "p", "t", 0.5)).toEqual(first);
  for (const other of [
    decisions(2, "p", "t", 0.5),
    decisions(1, "q", "t", 0.5),
    decisions(1, "p", "u", 0.5),
  ]) {
    const same = other.filter((acting, i) => acting === first[i]).length / first.length;
    // Independent decisions agree in half of the cases.
    expect(same).toBeGreaterThan(0.44);
    expect(same).toBeLessThan(0.56);
  }
});

// The sequence is part of what a seed promises: a run must be repeatable with a later build.
test("decisions do not change from build to build", () => {
  const text = decisions(1, "redis", "latency_downstream", 0.5).slice(0, 40);
  expect(text.map((acting) => (acting ? "x" : ".")).join("")).toBe(
    "...x.xxx....x..xxx.....xxx..xx..x..xx...",
  );
});

test("toxicity is the share of connections, and more of it only adds some", () => {
  for (const toxicity of [0, 0.1, 0.5, 0.9, 1]) {
    const share = decisions(3, "p", "t", toxicity).filter(Boolean).length / 2_000;
    expect(Math.abs(share - toxicity)).toBeLessThan(0.04);
  }
  const [few, many] = [decisions(3, "p", "t", 0.3), decisions(3, "p", "t", 0.6)];
  expect(few.every((acting, i) => !acting || many[i])).toBeTrue();
});

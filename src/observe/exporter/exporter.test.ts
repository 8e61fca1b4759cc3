import { expect, test } from "bun:test";
import { cpuOf, usageOf } from "./lab.ts";
import { PostgresSource } from "./postgres.ts";
import { parseInfo, RedisSource } from "./redis.ts";
import { inTime } from "./samples.ts";
import { scrape } from "./server.ts";

test("INFO is read by key, headings aside", () => {
  const info = parseInfo(
    "# Server\r\nredis_version:7.0.15\r\n\r\n# Memory\r\nused_memory:1024\r\nmaxmemory_policy:a:b\r\n",
  );
  expect(Object.fromEntries(info)).toEqual({
    redis_version: "7.0.15",
    used_memory: "1024",
    maxmemory_policy: "a:b",
  });
});

test.each([
  [
    1,
    {
      "/c/cpuacct.usage": "1500000000\n",
      "/c/cpu.stat": "nr_periods 1\nthrottled_time 250000000\n",
      "/m/memory.usage_in_bytes": "42\n",
    },
  ],
  [2, { "/c/cpu.stat": "usage_usec 1500000\nthrottled_usec 250000\n", "/c/memory.current": "42\n" }],
] as const)("usage of a node on cgroup v%p", (version, files: Readonly<Record<string, string>>) => {
  const usage = usageOf(version, ["/c", "/m"], (path) => files[path] ?? null);
  expect(usage).toEqual({ cpuSeconds: 1.5, throttledSeconds: 0.25, memoryBytes: 42 });
});

test("what the kernel does not say is not said", () =>
  expect(usageOf(2, ["/c"], () => null)).toEqual({
    cpuSeconds: null,
    throttledSeconds: null,
    memoryBytes: null,
  }));

test("CPU time is counted with that of children that ended, whatever the program is called", () => {
  const stat = (times: string): string => `7 (a) b (c) S ${"0 ".repeat(10)}${times} 0 0\n`;
  const files: Readonly<Record<string, string>> = {
    "/proc/7/stat": stat("100 50 25 25"),
    "/proc/8/stat": stat("10 0 0 0"),
  };
  expect(cpuOf([7, 8, 9], (path) => files[path] ?? null)).toBeCloseTo(2.1);
});

test("servers that are not there are told of as down, in time", async () => {
  // A port of this host that nobody listens on.
  const sources = [
    new PostgresSource("pg", "postgres://nobody@127.0.0.1:1/none"),
    new RedisSource("redis", "redis://127.0.0.1:1"),
  ];
  const began = performance.now();
  const text = await scrape(sources);
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(text).toContain('chaoslab_postgres_up{node="pg"} 0');
  expect(text).toContain('chaoslab_redis_up{node="redis"} 0');
  await Promise.all(sources.map((source) => source[Symbol.asyncDispose]()));
});

test("work that throws or takes too long is null", async () => {
  expect(await inTime(Promise.reject(new Error("no")))).toBeNull();
  expect(await inTime(Bun.sleep(5_000), 20)).toBeNull();
  expect(await inTime(Promise.resolve(7))).toBe(7);
});

import { describe, expect, test } from "bun:test";
import { ConfigError, Env } from "./config.ts";

const env = (values: Record<string, string>) => new Env("api", values);

describe("Env", () => {
  test("a missing variable is named, with what it should be", () => {
    expect(() => env({}).httpUrls("ORDERS_URLS")).toThrow(
      new ConfigError("api: ORDERS_URLS is not set: a comma list of http:// addresses is needed"),
    );
  });

  test("an empty variable counts as missing", () => {
    expect(() => env({ JWT_SECRET: " " }).text("JWT_SECRET", "a secret")).toThrow("JWT_SECRET is not set");
  });

  test("a fallback applies only when the variable is missing", () => {
    expect(env({}).integer("WORKERS", { min: 1, max: 100 }, 16)).toBe(16);
    expect(env({ WORKERS: "4" }).integer("WORKERS", { min: 1, max: 100 }, 16)).toBe(4);
  });

  test.each(["0", "101", "1.5", "many", "1e999", "NaN"])(
    "WORKERS=%s is refused with the accepted range",
    (text) => {
      expect(() => env({ WORKERS: text }).integer("WORKERS", { min: 1, max: 100 }, 16)).toThrow(
        `api: WORKERS: ${JSON.stringify(text)} is not a whole number from 1 to 100`,
      );
    },
  );

  test("a list of addresses is split, trimmed and loses trailing slashes", () => {
    const urls = env({ ORDERS_URLS: "http://a:8081/, http://b:8081" }).httpUrls("ORDERS_URLS");
    expect(urls).toEqual(["http://a:8081", "http://b:8081"]);
  });

  test.each(["a:8081", "https://a", "http://a/path", "http://a,", "ftp://a"])(
    "ORDERS_URLS=%s is refused",
    (text) => {
      expect(() => env({ ORDERS_URLS: text }).httpUrls("ORDERS_URLS")).toThrow("ORDERS_URLS: ");
    },
  );

  test("a database address must have the database's protocol", () => {
    const read = (url: string) => env({ REDIS_URL: url }).url("REDIS_URL", ["redis:"]);
    expect(read("redis://h:6379")).toBe("redis://h:6379");
    expect(() => read("http://h:6379")).toThrow(
      'REDIS_URL: "http://h:6379" is not an address such as redis://',
    );
  });
});

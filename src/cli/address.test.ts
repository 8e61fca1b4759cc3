import { expect, test } from "bun:test";
import { formatAddress, isLoopback, parseAddress } from "./address.ts";

test.each([
  ["127.0.0.1:80", "127.0.0.1", 80],
  ["localhost:0", "localhost", 0],
  ["my_host-1.example.:65535", "my_host-1.example.", 65_535],
  ["[::1]:80", "::1", 80],
  ["[fe80::1]:1", "fe80::1", 1],
  [":80", "", 80],
])("%s is an address", (text, host, port) => {
  const address = parseAddress(text);
  expect(address).toEqual({ host, port });
  if (typeof address !== "string") expect(formatAddress(address)).toBe(text);
});

test.each([
  ["", "missing port"],
  ["localhost", "missing port"],
  ["localhost:", "port is not"],
  ["localhost:http", "port is not"],
  ["localhost:65536", "port is not"],
  ["localhost:-1", "port is not"],
  ["localhost:1e3", "port is not"],
  ["::1:80", "not an address"],
  ["[::1]", "not an address"],
  ["[localhost]:80", "not an IPv6"],
  ["a b:80", "not a host name"],
  ["-x:80", "not a host name"],
  ["999.1.1.1:80", "not a host name"],
  ["http://x:80", "not an address"],
])("%j is none", (text, why) => {
  expect(parseAddress(text)).toContain(why);
});

test("loopback is told from the rest", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "::1"]) expect(isLoopback(host)).toBeTrue();
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "127.example.com", ""]) {
    expect(isLoopback(host)).toBeFalse();
  }
});

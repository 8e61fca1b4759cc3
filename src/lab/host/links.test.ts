import { expect, test } from "bun:test";
import { LINKS, linkProxies, reachedAt } from "./links.ts";
import { NODE_NAMES, PROXY_NODE, Topology } from "./topology.ts";

const own = new Topology("lab", 3, [...NODE_NAMES, PROXY_NODE]);

test("each link has one proxy, of a name and an address of its own", () => {
  const proxies = linkProxies(own, { url: null });
  expect(proxies).toHaveLength(16);
  expect(new Set(proxies.map((each) => each.name)).size).toBe(16);
  expect(new Set(proxies.map((each) => each.listen)).size).toBe(16);
  expect(proxies[0]).toMatchObject({
    name: "api-to-orders-1",
    listen: "198.18.3.81:20001",
    upstream: "198.18.3.21:8081",
  });
});

test("on a server of somebody else they carry the lab's name and listen where the lab reaches the host", () => {
  const [first] = linkProxies(new Topology("two", 4), { url: "http://127.0.0.1:8474" });
  expect(first).toMatchObject({ name: "chaoslab-two-api-to-orders-1", listen: "198.18.4.1:20001" });
});

test("a caller reaches a callee through their proxy, and directly where there is none", () => {
  expect(reachedAt(own, { url: null }, "orders-1", "payments")).toBe("198.18.3.81:20004");
  expect(reachedAt(own, null, "orders-1", "payments")).toBe("198.18.3.31:8082");
  expect(reachedAt(own, { url: null }, "pg-replica", "pg-primary")).toBe("198.18.3.51:5432");
});

test("nobody calls the api or the proxies' node, and no node calls itself", () => {
  for (const { caller, callee } of LINKS) {
    expect(["api", PROXY_NODE]).not.toContain(callee);
    expect(caller).not.toBe(callee);
  }
});

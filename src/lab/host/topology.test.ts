import { expect, test } from "bun:test";
import { fabricCommands, linkCommands } from "./network.ts";
import { NODE_NAMES, Topology } from "./topology.ts";

test("labs on different subnets share no name and no address", () => {
  const a = new Topology("one", 0);
  const b = new Topology("two", 300);
  const all = (t: Topology): string[] => [
    t.hostDevice,
    t.cidr,
    t.hostAddress,
    ...t.namespaces,
    ...NODE_NAMES.map((n) => t.address(n)),
  ];
  expect(new Set([...all(a), ...all(b)]).size).toBe(all(a).length * 2);
});

test("subnets stay inside 198.18.0.0/15 and interface names inside the kernel's 15 characters", () => {
  expect(new Topology("x", 0).cidr).toBe("198.18.0.0/24");
  expect(new Topology("x", 256).cidr).toBe("198.19.0.0/24");
  expect(new Topology("x", 511).cidr).toBe("198.19.255.0/24");
  expect(() => new Topology("x", 512)).toThrow(RangeError);
  for (const name of [...NODE_NAMES, new Topology("x", 511).hostDevice])
    expect(name.length).toBeLessThanOrEqual(15);
});

test("the host's own namespace is given one link and one route and no more", () => {
  const t = new Topology("lab", 7);
  const own = linkCommands(t).filter(
    (line) => !line.startsWith("netns add") && !/^link add .* netns .* peer .* netns /.test(line),
  );
  expect(own).toEqual([
    "link add name chaoslab7 type veth peer name host netns chaoslab-lab-fabric",
    "addr add 198.18.7.1/32 dev chaoslab7",
    "link set dev chaoslab7 up",
    "route add 198.18.7.0/24 via 198.18.7.2 dev chaoslab7 onlink src 198.18.7.1",
  ]);
});

test("the fabric routes each node by its own link", () => {
  const lines = fabricCommands(new Topology("lab", 0));
  for (const node of NODE_NAMES)
    expect(lines).toContain(`route add ${new Topology("lab", 0).address(node)} dev ${node}`);
});

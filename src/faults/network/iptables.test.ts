import { describe, expect, test } from "bun:test";
import {
  appendRule,
  deleteRule,
  overlapping,
  parseRules,
  queuesInRules,
  ruleComment,
  rulesWithComment,
} from "./iptables.ts";

const PREFIX = "iptables -w -t mangle -A FORWARD";
const TAIL = "-m comment --comment chaoslab:f-1 -j NFQUEUE --queue-num 19456 --queue-bypass";

/** `iptables -w -t mangle -S FORWARD` of iptables 1.8.9 (nf_tables). */
const LISTED = `-P FORWARD ACCEPT
-A FORWARD -s 198.18.0.31/32 -d 198.18.0.21/32 -m comment --comment "chaoslab:f-1" -j NFQUEUE --queue-num 19456 --queue-bypass
-A FORWARD -s 198.18.0.41/32 -m comment --comment chaoslab:f-11 -j NFQUEUE --queue-num 19457 --queue-bypass
-A FORWARD -m comment --comment "not \\"chaoslab:f-1\\" at all" -j ACCEPT
`;

describe("the rule", () => {
  test.each([
    [null, `${PREFIX} -s 198.18.0.31/32 ${TAIL}`],
    ["198.18.0.21", `${PREFIX} -s 198.18.0.31/32 -d 198.18.0.21/32 ${TAIL}`],
  ])("towards %p", (destination, expected) => {
    const argv = appendRule({
      hook: { chain: "FORWARD", device: null },
      source: "198.18.0.31",
      destination,
      comment: ruleComment("f-1"),
      queue: 19_456,
    });
    expect(argv.join(" ")).toBe(expected);
  });
});

describe("the listing", () => {
  const rules = parseRules(LISTED);

  test("is read as arguments, quotes and escapes resolved", () => {
    expect(rules.length).toBe(3);
    expect(rules[2]).toEqual([
      "FORWARD",
      "-m",
      "comment",
      "--comment",
      'not "chaoslab:f-1" at all',
      "-j",
      "ACCEPT",
    ]);
  });

  test("only the rule with exactly this comment is the fault's, and is deleted as it was listed", () => {
    const own = rulesWithComment(rules, "chaoslab:f-1");
    expect(own.map((rule) => deleteRule(rule).join(" "))).toEqual([
      `iptables -w -t mangle -D FORWARD -s 198.18.0.31/32 -d 198.18.0.21/32 ${TAIL}`,
    ]);
  });

  test.each([
    ["198.18.0.31", "198.18.0.21", true],
    ["198.18.0.31", null, true],
    ["198.18.0.31", "198.18.0.22", false],
    ["198.18.0.41", "198.18.0.21", true],
    ["198.18.0.51", null, false],
  ])("a fault on packets from %p to %p overlaps: %p", (source, destination, expected) => {
    expect(overlapping(rules, "FORWARD", { source, destination }) !== null).toBe(expected);
  });

  test("tells the queue numbers in use, ranges included", () => {
    expect([...queuesInRules(`${LISTED}-A INPUT -j NFQUEUE --queue-balance 3:5`)]).toEqual([
      19_456, 19_457, 3, 4, 5,
    ]);
  });
});

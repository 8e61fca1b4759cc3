import { expect, test } from "bun:test";
import { isLostLabAddress } from "./reach.ts";

const HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
const DEFAULT = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0";
// 198.18.0.0/24 by chaoslab0.
const LAB = "chaoslab0\t000012C6\t020012C6\t0007\t0\t0\t0\t00FFFFFF\t0\t0\t0";

test("a lab's address is lost when only the default route covers it", () => {
  expect(isLostLabAddress("198.18.0.11", [HEAD, DEFAULT].join("\n"))).toBeTrue();
  expect(isLostLabAddress("198.19.255.11", [HEAD, DEFAULT, LAB].join("\n"))).toBeTrue();
  expect(isLostLabAddress("198.18.0.11", [HEAD, DEFAULT, LAB].join("\n"))).toBeFalse();
});

test("other targets are the user's business", () => {
  for (const host of ["127.0.0.1", "localhost", "198.17.0.1", "198.20.0.1", "api"]) {
    expect(isLostLabAddress(host, [HEAD, DEFAULT].join("\n"))).toBeFalse();
  }
});

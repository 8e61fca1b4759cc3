import { describe, expect, test } from "bun:test";
import type { LoadSummary, Shard } from "../model/load.ts";
import { mergedLine } from "./describe.ts";
import { LoadRecorder } from "./recorder.ts";
import { DEFAULT_LIMITS } from "./run.ts";
import { type Saved, together, whyNotTogether } from "./together.ts";

function saved(shard: Shard, changes: Partial<LoadSummary> = {}, form: Saved["form"] = "summary"): Saved {
  const recorder = new LoadRecorder(["GET /"], 1);
  const slip = recorder.slip();
  const summary: LoadSummary = {
    kind: "summary",
    targets: ["http://h/"],
    rate: 10,
    stages: [{ duration_s: 60, from: 10, to: 10 }],
    seed: 1,
    arrivals: "poisson",
    shard,
    t_start: 1_000_000,
    duration_s: 60,
    requests: 0,
    goodput_rps: 0,
    late: 0,
    dropped: 0,
    slip: slip.summary,
    slip_histogram: slip.data,
    limits: DEFAULT_LIMITS,
    generator_saturated: false,
    operation_names: ["GET /"],
    operations: {},
    ...changes,
  };
  return { name: `${shard.index + 1}.json`, form, summary };
}

const FIRST: Shard = { index: 0, of: 3 };
const SECOND: Shard = { index: 1, of: 3 };

describe("what belongs together", () => {
  test.each<[string, Saved, RegExp]>([
    ["seeds", saved(SECOND, { seed: 2 }), /seed of 1\.json: 1; of 2\.json: 2$/],
    [
      "stages",
      saved(SECOND, { stages: [{ duration_s: 5, from: 1, to: 1 }] }),
      /stages of .*10 for 60s.*1 for 5s/,
    ],
    ["targets", saved(SECOND, { targets: ["http://g/"] }), /targets .*http:\/\/h\/.*http:\/\/g\//],
    ["operations", saved(SECOND, { operation_names: ["GET /", "PUT /"] }), /operations .*GET \/, PUT \//],
    ["arrivals", saved(SECOND, { arrivals: "constant" }), /arrivals .*poisson.*constant/],
    ["limits", saved(SECOND, { limits: { slip_p99_ms: 9, dropped_share: 0 } }), /limits .*slip 9 ms/],
    ["numbers of shards", saved({ index: 1, of: 2 }), /number of shards .*3.*2/],
    [
      "shards that are the same",
      { ...saved(FIRST), name: "again.json" },
      /shard 1\/3 twice: 1\.json and again\.json/,
    ],
    ["starts that are apart", saved(SECOND, { t_start: 1_001_001 }), /1001 ms apart, more than 1000 ms/],
    ["kinds of files", saved(SECOND, {}, "stream"), /1\.json is a summary and 2\.json a stream/],
  ])("refuses different %s", (_, other, why) => {
    expect(whyNotTogether([saved(FIRST), other], 1_000)).toMatch(why);
  });

  test("says which shards are missing or were stopped early, and how far apart they started", () => {
    const parts = [
      saved({ index: 2, of: 4 }, { t_start: 1_000_250, duration_s: 12 }),
      saved({ index: 0, of: 4 }),
    ];
    expect(whyNotTogether(parts, 1_000)).toBeNull();
    const whole = together(parts);
    expect(whole.merged).toEqual({ shards: [0, 2], of: 4, cut_short: [2], t_start_spread_ms: 250 });
    expect(mergedLine(whole)).toBe("shards 2 of 4, missing 2, 4, stopped early: 3, starts 250 ms apart");
    expect([whole.t_start, whole.duration_s]).toEqual([1_000_000, 60]);
  });
});

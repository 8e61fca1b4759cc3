import { describe, expect, test } from "bun:test";
import { INVARIANTS, type IntegrityFacts, type Invariant } from "../../model/integrity.ts";
import { checkIntegrity, isWithinBound, violationsInWords } from "./check.ts";

const START = 1_700_000_000_000;
const BOUND_S = 30;

/** A shop at rest, looked at a minute after its last order: paid, paid, settled as failed. */
function sound(): IntegrityFacts {
  const order = (n: number, status: "paid" | "failed") => ({
    id: `o-${n}`,
    tenant_id: `tenant-0${n}`,
    status,
    amount_cents: 100 * n,
    created_at_ms: START + n * 1_000,
    updated_at_ms: START + n * 1_000 + 50,
  });
  const orders = () => [order(1, "paid"), order(2, "paid"), order(3, "failed")];
  const charge = (n: number) => ({
    rowid: n,
    key: `o-${n}`,
    order_id: `o-${n}`,
    tenant_id: `tenant-0${n}`,
    amount_cents: 100 * n,
    created_at_ms: START + n * 1_000 + 40,
  });
  return {
    primary: orders(),
    replica: orders(),
    charges: [charge(1), charge(2)],
    acknowledged: [
      { id: "o-1", tenant: "tenant-01", status: "paid", second: 1 },
      { id: "o-2", tenant: "tenant-02", status: "pending", second: 2 },
      { id: "o-3", tenant: "tenant-03", status: "pending", second: 3 },
    ],
    foreign_reads: [],
    reads: 900,
    leases: [0, 1, 2].flatMap((s) => [
      { t: START + s * 1_000, node: "orders-1", held: true, token: 4 },
      { t: START + s * 1_000 + 1, node: "orders-2", held: false, token: 3 },
    ]),
    read_at_ms: START + 60_000,
    collected_at_ms: START + 60_000,
    recovered_at_ms: null,
    pending_bound_s: BOUND_S,
    problems: [],
  };
}

type Sound = ReturnType<typeof sound>;
type Change = (facts: Sound) => unknown;

const outcomesOf = (facts: IntegrityFacts) =>
  Object.fromEntries(checkIntegrity(facts).outcomes.map((outcome) => [outcome.invariant, outcome]));
const at = <T>(list: T[] | null, index: number): T => {
  const item = list?.[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
};

test("a sound shop holds in every invariant, in their order, and says what was looked at", () => {
  const report = checkIntegrity(sound());
  expect(report.outcomes.map(({ invariant }) => invariant)).toEqual([...INVARIANTS]);
  expect(report.outcomes.map(({ state, checked }) => [state, checked])).toEqual(
    [3, 3, 2, 2, 2, 2, 1, 3, 6, 900].map((checked) => ["holds", checked]),
  );
  expect(report.violations).toBe(0);
  expect(violationsInWords(report)).toEqual([]);
});

/** What is planted, what it violates with which id and words; everything else must hold. */
const PLANTED: readonly [string, Change, Partial<Record<Invariant, [id: string, reason: string]>>][] = [
  [
    "an acknowledged order that is gone",
    (facts) => {
      for (const table of [facts.primary, facts.replica]) table?.splice(2, 1);
    },
    {
      acknowledged_in_primary: ["o-3", "not in the primary"],
      acknowledged_on_replica: ["o-3", "not on the replica"],
    },
  ],
  [
    "an acknowledged order that never reached the replica",
    ({ replica }) => replica?.shift(),
    { acknowledged_on_replica: ["o-1", "not on the replica"] },
  ],
  [
    "a replica that stopped at the order's first state",
    ({ replica }) => Object.assign(at(replica, 0), { status: "pending" }),
    { acknowledged_on_replica: ["o-1", "paid in the primary and pending"] },
  ],
  [
    "an order that went to another tenant",
    (facts) => {
      for (const table of [facts.primary, facts.replica]) at(table, 1).tenant_id = "tenant-09";
      at(facts.charges, 1).tenant_id = "tenant-09";
    },
    {
      acknowledged_in_primary: ["o-2", "of another tenant"],
      acknowledged_on_replica: ["o-2", "of another tenant"],
    },
  ],
  [
    "an order acknowledged as paid that failed",
    ({ acknowledged }) => Object.assign(at(acknowledged, 2), { status: "paid" }),
    { acknowledged_in_primary: ["o-3", "acknowledged as paid and failed"] },
  ],
  [
    "a charge of nothing",
    ({ charges }) =>
      charges?.push({
        ...at(charges, 0),
        rowid: 9,
        key: "o-9",
        order_id: "o-9",
        created_at_ms: START + 9_000,
      }),
    { charge_has_order: ["o-9", "charged without an order"] },
  ],
  [
    "a paid order without a charge",
    ({ charges }) => charges?.pop(),
    { paid_has_charge: ["o-2", "paid without a charge"] },
  ],
  [
    "a second charge under another key",
    ({ charges }) => charges?.push({ ...at(charges, 0), rowid: 9, key: "again" }),
    { charged_once: ["o-1", "charged twice"] },
  ],
  [
    "three charges of one order",
    ({ charges }) => charges?.push({ ...at(charges, 0), key: "b" }, { ...at(charges, 0), key: "c" }),
    { charged_once: ["o-1", "charged 3 times"] },
  ],
  [
    "a charge of a cent too much",
    ({ charges }) => at(charges, 1).amount_cents++,
    { charged_right_amount: ["o-2", "of another amount"] },
  ],
  [
    "a charge to another tenant",
    ({ charges }) => Object.assign(at(charges, 1), { tenant_id: "tenant-08" }),
    { charged_right_amount: ["o-2", "charged to another tenant"] },
  ],
  [
    "a failed order that was charged",
    ({ charges }) =>
      charges?.push({
        ...at(charges, 0),
        order_id: "o-3",
        key: "o-3",
        tenant_id: "tenant-03",
        amount_cents: 300,
      }),
    { failed_not_charged: ["o-3", "failed and charged"] },
  ],
  [
    "an order that stayed pending",
    (facts) => {
      for (const table of [facts.primary, facts.replica]) at(table, 2).status = "pending";
    },
    { pending_settled: ["o-3", "pending for longer than 30 s"] },
  ],
  [
    "two holders of the lease",
    ({ leases }) => leases?.push({ t: START + 500, node: "orders-2", held: true, token: 5 }),
    { one_lease_holder: ["orders-1/4 orders-2/5", "held by two nodes at once"] },
  ],
  [
    "a read of another tenant's order",
    ({ foreign_reads }) =>
      foreign_reads?.push({
        asked: "o-7",
        got: "o-7",
        tenant: "tenant-01",
        got_tenant: "tenant-02",
        second: 3,
      }),
    { reads_own_tenant: ["o-7", "another tenant's order"] },
  ],
  [
    "a read of another order",
    ({ foreign_reads }) =>
      foreign_reads?.push({ asked: "o-7", got: "o-8", tenant: "tenant-01", got_tenant: null, second: 3 }),
    { reads_own_tenant: ["o-7", "another order"] },
  ],
];

describe("planted:", () => {
  test.each(PLANTED)("%s", (_, plant, expected) => {
    const facts = sound();
    plant(facts);
    const report = checkIntegrity(facts);
    const violated = report.outcomes.filter(({ state }) => state === "violated");
    expect(violated.map(({ invariant }) => invariant)).toEqual(Object.keys(expected) as Invariant[]);
    expect(report.outcomes.filter(({ state }) => state === "unknown")).toEqual([]);
    for (const { invariant, ids, detail, violations } of violated) {
      const [id = "", reason = ""] = expected[invariant] ?? [];
      expect(ids).toEqual([id]);
      expect(violations).toBe(1);
      expect(detail).toStartWith("1 ");
      expect(detail).toContain(reason);
    }
    expect(report.violations).toBe(violated.length);
    expect(violationsInWords(report)).toHaveLength(violated.length);
  });
});

describe("what was not collected", () => {
  const TAKEN: readonly [keyof IntegrityFacts, readonly Invariant[]][] = [
    [
      "primary",
      [
        "acknowledged_in_primary",
        "charge_has_order",
        "paid_has_charge",
        "charged_right_amount",
        "failed_not_charged",
        "pending_settled",
      ],
    ],
    ["replica", ["acknowledged_on_replica"]],
    [
      "charges",
      ["charge_has_order", "paid_has_charge", "charged_once", "charged_right_amount", "failed_not_charged"],
    ],
    ["acknowledged", ["acknowledged_in_primary", "acknowledged_on_replica"]],
    ["foreign_reads", ["reads_own_tenant"]],
    ["leases", ["one_lease_holder"]],
  ];

  test.each(TAKEN)("%s: its invariants are unknown, the others hold", (source, invariants) => {
    const { outcomes, violations } = checkIntegrity({ ...sound(), [source]: null });
    const unknown = outcomes.filter(({ state }) => state === "unknown");
    expect(unknown.map(({ invariant }) => invariant)).toEqual([...invariants]);
    expect(unknown.every(({ checked, ids }) => checked === 0 && ids.length === 0)).toBe(true);
    expect(violations).toBe(0);
  });

  test("is named with the reason", () => {
    const facts = { ...sound(), charges: null, problems: ["replica: slow", "ledger: connection refused"] };
    expect(outcomesOf(facts).charged_once?.detail).toBe("ledger: connection refused");
  });

  test("every fact but the instants is somebody's source", () => {
    const nothing = { primary: null, replica: null, charges: null, acknowledged: null, foreign_reads: null };
    const { outcomes } = checkIntegrity({ ...sound(), ...nothing, leases: null });
    expect(outcomes.map(({ state }) => state)).toEqual(INVARIANTS.map(() => "unknown"));
  });

  test("a lease that no node reported", () => {
    expect(outcomesOf({ ...sound(), leases: [] }).one_lease_holder?.state).toBe("unknown");
  });
});

describe("what is under way", () => {
  const pendingAt = (createdAtMs: number): Sound => {
    const facts = sound();
    Object.assign(at(facts.primary, 2), { status: "pending", created_at_ms: createdAtMs });
    return facts;
  };

  test("an order pending within its bound is undecided: neither held nor violated", () => {
    const { pending_settled } = outcomesOf(pendingAt(START + 45_000));
    expect(pending_settled).toMatchObject({ state: "unknown", violations: 0, checked: 3 });
    expect(pending_settled?.detail).toContain("1 of 3 orders not settled yet");
  });

  test("a charge that came just now may still get its order", () => {
    const facts = sound();
    facts.charges?.push({
      ...at(facts.charges, 0),
      order_id: "o-9",
      key: "o-9",
      created_at_ms: START + 55_000,
    });
    expect(outcomesOf(facts).charge_has_order?.state).toBe("unknown");
  });

  test("one that is overdue is a violation, whatever else is undecided", () => {
    const facts = pendingAt(START + 45_000);
    Object.assign(at(facts.primary, 0), { status: "pending", created_at_ms: START });
    expect(outcomesOf(facts).pending_settled).toMatchObject({
      state: "violated",
      violations: 1,
      ids: ["o-1"],
    });
  });

  test("the bound counts from the recovery for what came before, and from the first look for what a clock put after", () => {
    const instants = { read_at_ms: 100_000, recovered_at_ms: 80_000, pending_bound_s: 30 };
    expect(isWithinBound(10_000, 109_999, instants)).toBe(true);
    expect(isWithinBound(10_000, 110_000, instants)).toBe(false);
    expect(isWithinBound(90_000, 119_999, instants)).toBe(true);
    expect(isWithinBound(400_000, 129_999, instants)).toBe(true);
    expect(isWithinBound(400_000, 130_000, instants)).toBe(false);
    expect(isWithinBound(10_000, 40_000, { ...instants, recovered_at_ms: null })).toBe(false);
  });
});

test("of many violations the first 20 are named, and all are counted", () => {
  const facts = sound();
  for (let n = 100; n < 150; n++)
    facts.charges?.push({ ...at(facts.charges, 0), order_id: `o-${n}`, key: `o-${n}`, created_at_ms: START });
  const report = checkIntegrity(facts);
  const outcome = outcomesOf(facts).charge_has_order;
  expect(outcome).toMatchObject({ violations: 50, checked: 52, detail: "50 charged without an order" });
  expect(outcome?.ids).toEqual(Array.from({ length: 20 }, (_, i) => `o-${100 + i}`));
  expect(violationsInWords(report)[0]).toEndWith("o-119, and 30 more");
});

test("in whatever order the facts come, the report is the same but for the order of ids", () => {
  const facts = sound();
  const [order, charge, told] = [at(facts.primary, 0), at(facts.charges, 0), at(facts.acknowledged, 0)];
  const ids = Array.from({ length: 500 }, (_, i) => `o-${i}`);
  // Every seventh was never charged, every eleventh never reached the replica, every thirteenth was lost and charged twice.
  facts.primary = ids.flatMap((id, i) => (i % 13 === 0 ? [] : { ...order, id }));
  facts.replica = ids.flatMap((id, i) => (i % 11 === 0 ? [] : { ...order, id }));
  facts.charges = ids.flatMap((id, i) => {
    const one = { ...charge, order_id: id };
    return i % 13 === 0 ? [one, one] : i % 7 === 0 ? [] : one;
  });
  facts.acknowledged = ids.map((id) => ({ ...told, id }));
  const shuffled = <T>(list: T[] | null, by: number): T[] =>
    (list ?? []).map((_, i, all) => all[(i * by) % all.length] as T);
  const mixed: IntegrityFacts = {
    ...facts,
    primary: shuffled(facts.primary, 101),
    replica: shuffled(facts.replica, 211).toReversed(),
    charges: shuffled(facts.charges, 307),
    acknowledged: shuffled(facts.acknowledged, 407),
  };
  expect(new Set(mixed.primary?.map(({ id }) => id)).size).toBe(facts.primary.length);
  const counts = (of: IntegrityFacts) =>
    checkIntegrity(of).outcomes.map(({ invariant, checked, violations }) => [invariant, checked, violations]);
  expect(counts(mixed)).toEqual(counts(facts));
  expect(checkIntegrity(facts).violations).toBeGreaterThan(150);
});

test("200,000 orders take less than 300 ms", () => {
  const facts = sound();
  const [order, charge, told] = [at(facts.primary, 0), at(facts.charges, 0), at(facts.acknowledged, 0)];
  const id = (i: number): string => `o-0193c2a1-0000-7000-8000-${String(i).padStart(12, "0")}`;
  // Each source has its own strings, and its own order among what happened at about the same time.
  const many = <T>(make: (i: number) => T, shift = 0): T[] =>
    Array.from({ length: 200_000 }, (_, i) => make(i - (i % 16) + ((i * 7 + shift) % 16)));
  facts.primary = many((i) => ({ ...order, id: id(i) }));
  facts.replica = many((i) => ({ ...order, id: id(i) }));
  facts.charges = many((i) => ({ ...charge, rowid: i, key: id(i), order_id: id(i) }), 3);
  facts.acknowledged = many((i) => ({ ...told, id: id(i) }), 5);
  // Processor time, and the best of three: other work on this machine only adds.
  const times = [1, 2, 3].map(() => {
    const started = process.cpuUsage();
    const { outcomes } = checkIntegrity(facts);
    const { user, system } = process.cpuUsage(started);
    expect(outcomes.map(({ state }) => state)).toEqual(INVARIANTS.map(() => "holds"));
    return (user + system) / 1_000;
  });
  expect(Math.min(...times)).toBeLessThan(300);
});

import { describe, expect, it } from "vitest";
import { liveWeek, type WeekSabotage, weekTable } from "../fault/week.ts";
import { hourMs, minuteMs, type Outage, weekOf } from "../fault/week-plan.ts";

// Another week: SEED=<seed> npx vitest run --config test/ci/vitest.config.ts test/ci/week
const seed = Number(process.env.SEED ?? 1);

describe("a week of the whole gateway on the virtual clock", () => {
  it("brings a million readings through 40 outages: each once, in order", { timeout: 900_000 }, async () => {
    // Errors are part of every outage, and nobody reads their stacks.
    Error.stackTraceLimit = 0;
    const began = process.cpuUsage();
    const outages = weekOf(seed);
    const { account, rows, runs, answered } = await liveWeek({
      seed,
      outages,
      days: 7,
      devices: 4,
      points: 9,
    });
    const { user, system } = process.cpuUsage(began);
    console.log(
      `${weekTable(rows)}\n${account.appended} readings in ${account.packs} packs of ${runs} runs; missing ${account.missing}; came again ${account.repeated}, duplicates after deduplication ${account.duplicates}; order inversions ${account.inversions}; gaps ${account.gaps}; ${answered - account.appended} readings were in memory when a process ended; ${((user + system) / 1e6).toFixed(0)} s of CPU`,
    );
    expect(outages).toHaveLength(40);
    expect(account).toMatchObject({
      missing: 0,
      duplicates: 0,
      inversions: 0,
      gaps: 0,
      dropped: 0,
      invented: 0,
    });
    expect(account.appended).toBeGreaterThanOrEqual(1_000_000);
    // Something did come twice before it was deduplicated, and outages did fill the outbox.
    expect(account.repeated).toBeGreaterThan(1000);
    expect(Math.max(...rows.map(({ peakReadings }) => peakReadings))).toBeGreaterThan(100_000);
    expect(rows.filter(({ drainSeconds }) => drainSeconds === undefined)).toEqual([]);
    // Only the open pack of each audience and the answers on their way are lost with a process.
    expect(answered - account.appended).toBeLessThanOrEqual(runs * 4 * (9 + 1));
  });

  // Books that never show anything prove nothing: each of these worlds must be found out.
  const away: Outage = {
    name: "broker away",
    at: 20 * minuteMs,
    forMs: 2 * hourMs,
    troubles: [{ kind: "broker", fault: "refused" }],
    ends: [{ part: 0.5, end: { how: "power", operations: 5, downMs: 10_000 } }],
  };
  const lies: readonly [string, WeekSabotage, "missing" | "inversions" | "gaps"][] = [
    ["a broker that acknowledges and forgets", { drops: 0.02 }, "missing"],
    ["a broker that reorders", { reorders: true }, "inversions"],
    ["a disk that ignores fsync", { ignoreSync: true }, "missing"],
    ["an outbox with too little room", { maxBytes: "20kB" }, "gaps"],
  ];
  it.each(lies)("finds out %s", async (_, sabotage, figure) => {
    const { account } = await liveWeek({
      seed,
      outages: [away],
      days: 0.15,
      devices: 3,
      points: 5,
      sabotage,
    });
    expect(account[figure]).toBeGreaterThan(0);
  });

  it("finds nothing where nobody lies", async () => {
    const { account } = await liveWeek({ seed, outages: [away], days: 0.15, devices: 3, points: 5 });
    expect(account).toMatchObject({ missing: 0, duplicates: 0, inversions: 0, gaps: 0, dropped: 0 });
  });
});

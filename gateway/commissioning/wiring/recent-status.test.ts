import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import type { ConnectionStatus } from "../../southbound/status.ts";
import { RecentStatus } from "./recent-status.ts";

const status = (requests: number, timeouts: number): ConnectionStatus => ({
  connection: "roof",
  state: "open",
  utilisation: 0.1,
  demanded: 0.1,
  stretch: 1,
  missed: 0,
  dropped: 0,
  statistics: { requests, timeouts },
  writes: { done: 0, refused: 0, failed: 0 },
  replies: { bounds: [], counts: [] },
  errors: {},
  devices: [
    {
      device: "lamp-1",
      availability: "available",
      breaker: "closed",
      errors: { timeout: timeouts },
      leftOut: [],
      learned: [],
    },
  ],
});

describe("counters of the last minutes", () => {
  it("forget what happened more than ten minutes ago", async () => {
    const clock = new VirtualClock();
    const recent = new RecentStatus(clock);
    const seen: unknown[] = [];
    const minute = async (requests: number, timeouts: number) => {
      const { statistics, devices } = recent.take(status(requests, timeouts));
      seen.push([statistics.requests, statistics.timeouts, devices[0]?.errors.timeout]);
      await clock.advance(300_000);
    };
    await minute(1000, 900);
    await minute(1100, 950);
    await minute(1200, 950);
    await minute(1300, 950);
    // The first look has nothing to compare with; the repair at the second is forgotten two looks later.
    expect(seen).toEqual([
      [0, 0, 0],
      [100, 50, 50],
      [200, 50, 50],
      [200, 0, 0],
    ]);
  });

  it("begin anew with a driver that does", () => {
    const recent = new RecentStatus(new VirtualClock());
    recent.take(status(1000, 900));
    expect(recent.take(status(10, 1)).statistics).toEqual({ requests: 10, timeouts: 1 });
  });
});

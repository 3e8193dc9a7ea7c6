import { describe, expect, it } from "vitest";
import type { ConnectionStatus, DeviceStatus } from "../../southbound/status.ts";
import { suspicions } from "./suspicions.ts";

const device = (name: string, errors: Record<string, number> = {}): DeviceStatus => ({
  device: name,
  availability: "available",
  breaker: "closed",
  errors,
  leftOut: [],
  learned: [],
});
const status = (
  statistics: Record<string, number>,
  devices = [device("a"), device("b")],
): ConnectionStatus => ({
  connection: "line",
  state: "open",
  utilisation: 0.2,
  demanded: 0.2,
  stretch: 1,
  missed: 0,
  dropped: 0,
  statistics,
  writes: { done: 0, refused: 0, failed: 0 },
  devices,
});
const first = (...args: Parameters<typeof status>) => suspicions(status(...args)).map(({ fault }) => fault);

describe("suspicions from a running line", () => {
  it("has none of a healthy one, nor of one that was hardly used", () => {
    expect(first({ requests: 10_000, replies: 9990, timeouts: 10 })).toEqual([]);
    expect(first({ requests: 40, timeouts: 40 })).toEqual([]);
    // A whole echo is left out by the driver and does no harm.
    expect(first({ requests: 1000, replies: 1000, echoes: 1000 })).toEqual([]);
    // One of several without power.
    expect(
      first({ requests: 1000, replies: 900, timeouts: 100 }, [device("a"), device("b", { timeout: 100 })]),
    ).toEqual([]);
  });

  it("names what its counters point to", () => {
    expect(first({ requests: 100, timeouts: 100 })).toEqual(["silent", "swapped"]);
    expect(first({ requests: 100, damaged: 90, timeouts: 10, garbage: 400 })[0]).toBe("wrong-speed");
    expect(first({ requests: 1000, replies: 900, late: 90 })).toEqual(["late-answers"]);
    expect(first({ requests: 1000, replies: 990, foreign: 100 })).toEqual(["second-master"]);
    expect(
      first({ requests: 1000, replies: 900, damaged: 100 }, [
        device("a", { crc: 50 }),
        device("b", { crc: 50 }),
      ]),
    ).toEqual(["noise", "no-termination"]);
    expect(first({ requests: 60, replies: 0, timeouts: 60 }, [device("a", { "line-busy": 400 })])[0]).toBe(
      "stuck",
    );
  });

  it("names the device whose answers alone are damaged", () => {
    const [found] = suspicions(
      status({ requests: 1000, replies: 900, damaged: 100 }, [device("a"), device("b", { crc: 100 })]),
    );
    expect(found).toMatchObject({ fault: "duplicate-address", kind: "wiring" });
    expect(found!.evidence[0]!.en).toBe("nearly all damaged answers are those of b");
    for (const text of [found!.message, ...found!.fixes, ...found!.evidence])
      expect(text.sv, text.en).toBeTruthy();
  });
});

import { beforeEach, describe, expect, it } from "vitest";
import type { Instant } from "../model/clock.ts";
import { one, rational, zero } from "../model/decimal.ts";
import type { Device, Point } from "../model/device.ts";
import type { Formula } from "../model/formula.ts";
import type { Reading } from "../model/reading.ts";
import type { RawValue, Value } from "../model/value.ts";
import { Derivation, isDerived, momentReadings, withInputs } from "./derivation.ts";
import type { PointResult } from "./protocol.ts";

function point(name: string, rest: Partial<Point> = {}): Point {
  return {
    name,
    address: {},
    scale: one,
    offset: zero,
    kind: "gauge",
    pollClass: "fast",
    absent: [],
    personal: false,
    ...rest,
  };
}

function formula(needs: string[], compute: (...values: number[]) => Value | undefined): Formula {
  return {
    text: "the formula",
    needs,
    evaluate: (inputs) => {
      const value = compute(...needs.map((name) => Number(inputs.get(name))));
      return value === undefined ? { problem: "division by zero" } : { value };
    },
  };
}

function deviceWith(points: readonly Point[], computed: readonly Point[] = []): Device {
  return {
    id: "m1",
    profile: {
      id: "acme/one",
      version: "1.0.0",
      title: { en: "One" },
      manufacturer: "Acme",
      models: ["One"],
      category: "energy-meter",
      status: "draft",
      protocol: "modbus",
      protocolSettings: {},
      points,
      computed,
      hash: "00",
    },
    connection: "line",
    settings: {},
    urn: "urn:dev:ops:32473-stadsnod-m1:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

const at = (ms: number): Instant => ({ base: "unix", ms });
const raw = (of: Point, value: RawValue, ms = 0): PointResult => ({ point: of, at: at(ms), raw: value });
const bad = (of: Point, problem: "comm-error" | "config-error" = "comm-error"): PointResult => ({
  point: of,
  at: at(0),
  problem,
  detail: "timeout",
});
const shown = (readings: readonly Reading[]) =>
  readings.map(({ name, quality, value }) => [name, value ?? quality]);

const p = point("p");
const q = point("q", { pollClass: "slow" });
const ratio = point("ratio", {
  formula: formula(["p", "q"], (a, b) => (b === 0 ? undefined : a / b)),
  resolution: rational("0.01"),
  range: [0, 100],
});
const half = point("half", { formula: formula(["ratio"], (a) => a / 2) });

describe("a computed point", () => {
  let derivation: Derivation;
  beforeEach(() => {
    derivation = new Derivation(deviceWith([p, q], [half, ratio]));
  });

  it("is computed once per batch, after its inputs, with the time of the newest one", () => {
    const readings = derivation.readings([raw(p, 10, 5), raw(q, 4, 7)], 0);
    expect(shown(readings)).toEqual([
      ["p", 10],
      ["q", 4],
      ["ratio", 2.5],
      ["half", 1.25],
    ]);
    expect(readings.map(({ time }) => time.ms)).toEqual([5, 7, 7, 7]);
  });

  it("waits until every input was read once", () => {
    expect(shown(derivation.readings([raw(p, 10)], 0))).toEqual([["p", 10]]);
    expect(shown(derivation.readings([raw(q, 3)], 1))).toEqual([
      ["q", 3],
      ["ratio", 3.33],
      ["half", 1.665],
    ]);
    expect(shown(derivation.readings([raw(p, 9)], 2))).toEqual([
      ["p", 9],
      ["ratio", 3],
      ["half", 1.5],
    ]);
  });

  it("is rounded and checked as any number, and has no value where the formula has none", () => {
    derivation.readings([raw(p, 10), raw(q, 4)], 0);
    const far = derivation.readings([raw(p, 500)], 1);
    expect(shown(far)).toEqual([
      ["p", 500],
      ["ratio", "out-of-range"],
      ["half", "out-of-range"],
    ]);
    const none = derivation.readings([raw(q, 0)], 2);
    expect(shown(none)).toEqual([
      ["q", 0],
      ["ratio", "out-of-range"],
      ["half", "out-of-range"],
    ]);
    expect(none.map(({ detail }) => detail)).toEqual([
      undefined,
      "division by zero",
      "needs ratio, which is out-of-range",
    ]);
  });

  it("is not good while an input is not good, and comes back with it", () => {
    derivation.readings([raw(p, 10), raw(q, 4)], 0);
    expect(shown(derivation.readings([bad(q)], 1))).toEqual([
      ["q", "comm-error"],
      ["ratio", "comm-error"],
      ["half", "comm-error"],
    ]);
    expect(shown(derivation.readings([raw(p, 12)], 2))[1]).toEqual(["ratio", "comm-error"]);
    expect(shown(derivation.readings([raw(q, 4)], 3))[1]).toEqual(["ratio", 3]);
  });

  it("is stale while an input is", () => {
    derivation.readings([raw(p, 10), raw(q, 4)], 0);
    expect(shown(derivation.readings([raw(p, 8)], 180_000))[1]).toEqual(["ratio", 2]);
    const late = derivation.readings([raw(p, 8)], 180_001);
    expect(late[1]?.quality).toBe("stale");
    expect(late[1]?.detail).toBe("needs q, which is stale");
  });

  it("is not set off by what does not pass, but uses its value", () => {
    derivation.readings([raw(p, 10), raw(q, 4)], 0);
    const onlyP = (result: PointResult) => result.point === p;
    expect(derivation.readings([raw(q, 5)], 1, onlyP)).toEqual([]);
    expect(shown(derivation.readings([raw(p, 20), raw(q, 8)], 2, onlyP))).toEqual([
      ["p", 20],
      ["ratio", 2.5],
      ["half", 1.25],
    ]);
  });
});

describe("a scale that another point gives", () => {
  const sf = point("sf", { pollClass: "once", hidden: true, absent: [-32_768] });
  const energy = point("energy", { scaleSource: { point: "sf", as: "exponent" } });
  let derivation: Derivation;
  beforeEach(() => {
    derivation = new Derivation(deviceWith([energy, sf]));
  });

  it("is the one of the same batch, wherever it stands in it", () => {
    expect(shown(derivation.readings([raw(energy, 2301), raw(sf, -1)], 0))).toEqual([["energy", 230.1]]);
    expect(shown(derivation.readings([raw(energy, 2301), raw(sf, 2)], 1))).toEqual([["energy", 230_100]]);
    expect(shown(derivation.readings([raw(energy, 7)], 1e9))).toEqual([["energy", 700]]);
  });

  it("is waited for: the value is never seen without it", () => {
    expect(derivation.readings([raw(energy, 2301, 3)], 0)).toEqual([]);
    const readings = derivation.readings([raw(sf, -2, 9)], 1);
    expect(shown(readings)).toEqual([["energy", 23.01]]);
    expect(readings[0]?.time.ms).toBe(3);
    expect(derivation.readings([raw(sf, -2)], 2)).toEqual([]);
  });

  it("makes the point what it is while it is not good", () => {
    expect(shown(derivation.readings([raw(energy, 1), raw(sf, -32_768)], 0))).toEqual([
      ["energy", "sentinel"],
    ]);
    expect(shown(derivation.readings([raw(energy, 1), bad(sf, "config-error")], 0))).toEqual([
      ["energy", "config-error"],
    ]);
  });

  it("gives no value when it is no scale", () => {
    const [reading] = derivation.readings([raw(energy, 1), raw(sf, 99)], 0);
    expect(reading?.quality).toBe("config-error");
    expect(reading?.detail).toBe("sf is 99, which is no scale");
  });

  it("lets a bad result pass at once", () => {
    derivation.readings([raw(energy, 2301)], 0);
    expect(shown(derivation.readings([bad(energy)], 1))).toEqual([["energy", "comm-error"]]);
    expect(derivation.readings([raw(sf, -1)], 2)).toEqual([]);
  });
});

describe("a guard", () => {
  const status = point("status");
  const level = point("level", {
    valid: {
      text: "value > 0 && status == 1",
      needs: ["status"],
      evaluate: (inputs) => ({ value: Number(inputs.get("value")) > 0 && inputs.get("status") === 1 }),
    },
  });
  const derivation = new Derivation(deviceWith([level, status]));

  it("takes the value away when it does not hold", () => {
    expect(shown(derivation.readings([raw(level, 5), raw(status, 1)], 0))[1]).toEqual(["level", 5]);
    const [, guarded] = derivation.readings([raw(level, 5), raw(status, 0)], 1);
    expect(guarded?.quality).toBe("sentinel");
    expect(guarded?.detail).toBe("5: value > 0 && status == 1 does not hold");
    expect(shown(derivation.readings([raw(level, 0), raw(status, 1)], 2))[1]).toEqual(["level", "sentinel"]);
    expect(shown(derivation.readings([raw(level, 5), bad(status)], 3))[1]).toEqual(["level", "comm-error"]);
  });
});

describe("the inputs of points", () => {
  const hidden = point("hidden", { hidden: true });
  const device = deviceWith([p, q, hidden], [half, ratio]);

  it("are read for them, however far away", () => {
    expect(withInputs(device.profile, [half])).toEqual([p, q]);
    expect(withInputs(device.profile, [hidden, half])).toEqual([p, q, hidden]);
    expect(withInputs(deviceWith([p]).profile, [p])).toEqual([p]);
  });

  it("make a profile derived, as do hidden points", () => {
    expect(isDerived(device.profile)).toBe(true);
    expect(isDerived(deviceWith([hidden]).profile)).toBe(true);
    expect(isDerived(deviceWith([p, q]).profile)).toBe(false);
  });

  it("are all shown when readings of one moment are asked for; the last result of a point counts", () => {
    expect(shown(momentReadings(device, [raw(p, 1), raw(hidden, 7), raw(q, 5), raw(p, 10)]))).toEqual([
      ["p", 10],
      ["hidden", 7],
      ["q", 5],
      ["ratio", 2],
      ["half", 1],
    ]);
    expect(shown(momentReadings(deviceWith([p]), [raw(p, 1), raw(p, 2)]))).toEqual([["p", 2]]);
  });
});

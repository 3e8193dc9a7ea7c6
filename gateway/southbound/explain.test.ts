import { describe, expect, it } from "vitest";
import { one, zero } from "../model/decimal.ts";
import type { Device, Point, PollClass } from "../model/device.ts";
import { ConfigError } from "../model/errors.ts";
import { explainConnection, renderExplanation } from "./explain.ts";
import type { ReadRequest } from "./protocol.ts";

const point = (name: string, pollClass: PollClass = "fast"): Point => ({
  name,
  address: name,
  scale: one,
  offset: zero,
  kind: "gauge",
  pollClass,
  absent: [],
  personal: false,
});

function device(id: string, points: readonly Point[]): Device {
  return {
    id,
    connection: "line",
    settings: {},
    urn: `urn:dev:ops:1-x-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    profile: {
      id: "x/y",
      version: "1.0.0",
      title: { en: "x" },
      manufacturer: "x",
      models: [],
      category: "energy-meter",
      status: "draft",
      protocol: "fake",
      protocolSettings: {},
      points,
      hash: "",
    },
  };
}

/** Every class of a device is one request of 50 ms plus 1 ms per point at 9600 baud; "secret" cannot be read. */
const protocol = {
  plan(settings: unknown, target: Device, points: readonly Point[]): { requests: ReadRequest[] } {
    if (target.id === "broken") throw new ConfigError("no unit", { code: "no-unit", hint: "give it one" });
    const speed = Number(settings) / 9600;
    const classes = new Map<PollClass, Point[]>();
    for (const each of points) {
      if (each.name === "secret") continue;
      classes.set(each.pollClass, [...(classes.get(each.pollClass) ?? []), each]);
    }
    const requests = Array.from(classes.values(), (list) => ({
      points: list,
      costMs: (50 + list.length) / speed,
      label: `${list.length} points`,
    }));
    return { requests };
  },
  faster: () =>
    [19_200, 38_400, 115_200].map((baud) => ({ change: `raise baud to ${baud}`, connection: baud })),
  describeLearned: () => ["holding: 5 refused"],
};

// One profile for all: points are shared between devices, as in a real configuration.
const shared = [...Array.from({ length: 10 }, (_, index) => point(`p${index}`)), point("serial", "once")];

describe("explainConnection", () => {
  it("lists requests, load and worst ages", () => {
    const explanation = explainConnection({
      connection: "bus",
      protocol,
      settings: 9600,
      devices: [device("a", shared), device("b", shared)],
    });
    expect(explanation.requests).toHaveLength(4);
    expect(explanation.requests[0]).toMatchObject({
      device: "a",
      costMs: 60,
      periodMs: 1000,
      utilisation: 0.06,
    });
    expect(explanation.requests[1]).toMatchObject({
      points: ["serial"],
      periodMs: undefined,
      utilisation: 0,
    });
    expect(explanation.cycleMs).toBe(120);
    expect(explanation.utilisation).toBeCloseTo(0.12, 12);
    expect(explanation.points).toHaveLength(22);
    expect(explanation.points[0]).toMatchObject({
      device: "a",
      point: "p0",
      periodMs: 1000,
      worstAgeMs: 1180,
    });
    expect(explanation.points[10]).toMatchObject({
      point: "serial",
      periodMs: undefined,
      worstAgeMs: undefined,
    });
    expect(explanation.findings).toEqual([]);
    expect(JSON.parse(JSON.stringify(explanation)).learned).toEqual({
      a: ["holding: 5 refused"],
      b: ["holding: 5 refused"],
    });
  });

  it("says of an impossible plan what to change", () => {
    const devices = Array.from({ length: 20 }, (_, index) => device(`d${index}`, shared));
    const { findings, stretch } = explainConnection({ connection: "bus", protocol, settings: 9600, devices });
    expect(findings).toEqual([
      {
        severity: "error",
        code: "line-overloaded",
        message: "bus needs 1.20 s per 1 s: move 50 points of class fast to slow, or raise baud to 19200",
        hint: "until then all periods are stretched by 1.26",
      },
    ]);
    expect(stretch).toBeCloseTo(1.2 / 0.95, 12);
  });

  it("gives advice that works", () => {
    const devices = Array.from({ length: 20 }, (_, index) => device(`d${index}`, shared));
    const calm = shared.map(
      (each): Point => (each.pollClass === "fast" ? { ...each, pollClass: "slow" } : each),
    );
    const moved = devices.map((each, index) => (index < 5 ? device(each.id, calm) : each));
    const followed = explainConnection({ connection: "bus", protocol, settings: 9600, devices: moved });
    expect(followed.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    const faster = explainConnection({ connection: "bus", protocol, settings: 19_200, devices });
    expect(faster.findings).toEqual([]);
  });

  it("has advice even when nothing can be moved and the line cannot be faster", () => {
    const all = Array.from({ length: 1000 }, (_, index) =>
      device(`d${index}`, [point("a", "slow"), point("b", "slow")]),
    );
    const { findings } = explainConnection({
      connection: "bus",
      protocol: { plan: protocol.plan },
      settings: 8000,
      devices: all,
    });
    expect(findings[0]!.message).toBe(
      "bus needs 1.04 s per 1 s: lengthen all periods 1.09 times, or split the devices over more lines",
    );
  });

  it("warns of a line that is nearly full", () => {
    const devices = Array.from({ length: 14 }, (_, index) => device(`d${index}`, shared));
    const { findings } = explainConnection({ connection: "bus", protocol, settings: 9600, devices });
    expect(findings).toMatchObject([{ severity: "warning", code: "line-nearly-full" }]);
    expect(findings[0]!.message).toBe("bus: polling takes 84 % of the line");
  });

  it("names a device and a point that cannot be read, and explains the rest", () => {
    const { findings, requests } = explainConnection({
      connection: "bus",
      protocol,
      settings: 9600,
      devices: [device("broken", shared), device("a", [point("p"), point("secret")])],
    });
    expect(findings).toMatchObject([
      { code: "no-unit", device: "broken", hint: "give it one" },
      { code: "point-not-readable", device: "a", message: "a: secret fits in no permitted read" },
    ]);
    expect(requests).toHaveLength(1);
  });

  it("is shown as a table", () => {
    const devices = [device("meter1", shared), device("b", [point("x")])];
    const text = renderExplanation(
      explainConnection({ connection: "bus", protocol, settings: 9600, devices }),
    );
    expect(text).toBe(
      [
        "bus: 3 requests, 111.0 ms per cycle, 11 % of the line",
        "a command waits at most 60.0 ms for the line",
        "",
        "device  request    ms    every  % of line  worst age  points",
        "meter1  10 points  60.0  1 s    6.0        1.17 s     p0 p1 p2 and 7 more",
        "meter1  1 points   51.0  once   0.0                   serial",
        "b       1 points   51.0  1 s    5.1        1.17 s     x",
        "",
        "learned from meter1:",
        "  holding: 5 refused",
        "",
        "learned from b:",
        "  holding: 5 refused",
        "",
      ].join("\n"),
    );
  });
});

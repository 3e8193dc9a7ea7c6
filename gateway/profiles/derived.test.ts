import { describe, expect, it } from "vitest";
import { cells } from "../../test/fake-protocol.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { LinkError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import type { SouthboundContext } from "../southbound/protocol.ts";
import { runExample } from "./example.ts";
import { loadProfile } from "./load.ts";

const context: SouthboundContext = {
  clock: new VirtualClock(),
  random: () => 0.5,
  log: silentLog,
  connect: async () => {
    throw new LinkError("an example has no line", { code: "no-line" });
  },
  emit: async () => {},
  signal: new AbortController().signal,
};

const head = `profile: acme/meter
version: 1.0.0
title: Acme meter
manufacturer: Acme
models: [M1]
category: energy-meter
sources: [{document: Acme M1 manual}]
status: draft
protocol: cells
cells: {base: 0}
`;

/** The profile with these points, and its one example. */
function load(points: string, given: string, expected: string, more = "") {
  const text = `${head}${more}points:\n${points}examples:\n  - given: {${given}}\n    expect: {${expected}}\n`;
  return loadProfile(text, "device-profiles/acme/meter.yaml", [cells]);
}

/** What the example gives instead of what it should; empty when it is right. */
async function wrong(points: string, given: string, expected: string, more = "") {
  const { profile, examples, diagnostics } = load(points, given, expected, more);
  expect(diagnostics).toEqual([]);
  const results = await runExample(profile!, examples[0]!, cells, context);
  expect(results.length).toBeGreaterThan(0);
  return results.filter(({ passed }) => !passed);
}

const meter = `
  p: {at: {cell: 1}, unit: W, scale: 0.1}
  q: {at: {cell: 2}, unit: var, scale: 0.1, absent: -1}
  s: {from: "sqrt(p * p + q * q)", unit: VA, resolution: 0.1, range: [0, 1000]}
  cosphi: {from: "p / s", unit: "/", resolution: 0.001}
  mode: {at: {cell: 3}, values: {0: off, 1: on}}
  alarms: {at: {cell: 4}, bits: {0: overvoltage, 1: hot}}
  busy: {from: "mode == 'on' && !alarms.hot"}
  level: {from: "p > 50 ? 2 : p > 0 ? 1 : 0", values: {0: none, 1: low, 2: high}}
`;

describe("computed points of a profile", () => {
  it("have their inputs read though an example asks for nothing else", async () => {
    expect(await wrong(meter, "1: 30, 2: 40", "s: 5, cosphi: 0.6")).toEqual([]);
    expect(await wrong(meter, "1: 600", "level: high")).toEqual([]);
    expect(await wrong(meter, "3: 1, 4: 1", "busy: true")).toEqual([]);
    expect(await wrong(meter, "3: 1, 4: 2", "busy: false, alarms/hot: true")).toEqual([]);
  });

  it("have no value when an input has none, or the formula", async () => {
    expect(await wrong(meter, "1: 30, 2: -1", "s: {quality: sentinel}, cosphi: {quality: sentinel}")).toEqual(
      [],
    );
    expect(await wrong(meter, "1: 30000, 2: 0", "s: {quality: out-of-range}")).toEqual([]);
    expect(await wrong(meter, "1: 0, 2: 0", "s: 0, cosphi: {quality: out-of-range}")).toEqual([]);
    expect(await wrong(meter, "3: 7, 4: 0", "busy: {quality: out-of-range}")).toEqual([]);
  });

  it("stand apart from what is read, each after those that it needs", () => {
    const { profile } = load(
      "  b: {from: a * 2, unit: W}\n  a: {from: p + 1, unit: W}\n  p: {at: {cell: 1}, unit: W}\n",
      "1: 3",
      "b: 8",
    );
    expect(profile?.points.map(({ name }) => name)).toEqual(["p"]);
    expect(profile?.computed?.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("join two registers", async () => {
    const points = `
  mwh: {at: {cell: 1}, unit: MWh, hidden: true}
  kwh: {at: {cell: 2}, unit: kWh, hidden: true}
  energy: {from: mwh * 1000 + kwh, unit: kWh, kind: counter, resolution: 1}
`;
    expect(await wrong(points, "1: 12, 2: 345", "energy: 12345")).toEqual([]);
  });

  it("are personal when they are made of what is", () => {
    const points = (more: string) =>
      `  plate: {at: {cell: 1}, unit: count, personal: true}\n  odd: {from: plate % 2 == 1${more}}\n`;
    expect(load(points(""), "1: 3", "odd: true").profile?.computed?.[0]?.personal).toBe(true);
    expect(load(points(", personal: false"), "1: 3", "odd: true").profile?.computed?.[0]?.personal).toBe(
      false,
    );
  });

  it("know the choices of the device", async () => {
    const options = "options: {wiring: {values: [1P, 3P], default: 3P}}\n";
    const points = `
  u: {at: {cell: 1}, unit: V}
  total: {from: "wiring == '3P' ? u * 3 : u", unit: V}
`;
    expect(await wrong(points, "1: 230", "total: 690", options)).toEqual([]);
  });
});

describe("guards, scales, curves and ids of a profile", () => {
  it("take away what does not hold", async () => {
    const points = `
  status: {at: {cell: 1}, values: {0: ok, 1: fault}}
  level: {at: {cell: 2}, unit: m, scale: 0.01, valid: "status == 'ok' && value < 50"}
`;
    expect(await wrong(points, "1: 0, 2: 1234", "level: 12.34")).toEqual([]);
    expect(await wrong(points, "1: 1, 2: 1234", "level: {quality: sentinel}")).toEqual([]);
    expect(await wrong(points, "1: 0, 2: 9999", "level: {quality: sentinel}")).toEqual([]);
  });

  it("scale by what the device says", async () => {
    const points = `
  energy: {at: {cell: 1}, unit: Wh, kind: counter, scale: {pow10: energy_sf}}
  energy_sf: {at: {cell: 2}, class: once, hidden: true, absent: -32768}
  current: {at: {cell: 3}, unit: A, scale: {point: ratio}, offset: -0.5}
  ratio: {at: {cell: 4}, unit: "/", scale: 0.1}
`;
    expect(await wrong(points, "1: 2301, 2: -1, 3: 20, 4: 400", "energy: 230.1, current: 799.5")).toEqual([]);
    expect(await wrong(points, "1: 2301, 2: 3", "energy: 2301000")).toEqual([]);
    expect(await wrong(points, "1: 2301, 2: -32768", "energy: {quality: sentinel}")).toEqual([]);
    expect(await wrong(points, "1: 2301, 2: 77", "energy: {quality: config-error}")).toEqual([]);
  });

  it("follow curves, name what is a name, and see sentinels in a part of a value", async () => {
    const points = `
  ntc: {at: {cell: 1}, unit: Cel, curve: [[0, 100], [1000, 0]], resolution: 0.1}
  serial: {at: {cell: 2}, kind: id}
  firmware: {at: {cell: 3}, kind: id, format: "{1}.{0}", class: once}
  moisture: {at: {cell: 4}, unit: "%", absent: [0xFFFF, {mask: 0xFF00, values: [0x8000]}]}
`;
    const good = "1: 250, 2: 20240017, 3: 0x0205, 4: 33";
    expect(await wrong(points, good, 'ntc: 75, serial: "20240017", firmware: "2.5", moisture: 33')).toEqual(
      [],
    );
    const bad = "1: 1001, 4: 0x8012";
    expect(await wrong(points, bad, "ntc: {quality: out-of-range}, moisture: {quality: sentinel}")).toEqual(
      [],
    );
  });

  it("keep a counter as it is and say where it rolls over", () => {
    const { profile } = load(
      "  a: {at: {cell: 1}, unit: count, kind: counter, rollover: 1000000}\n" +
        "  b: {at: {cell: 2}, unit: count, kind: counter, rollover: {bits: 32}}\n",
      "1: 3",
      "a: 3",
    );
    expect(profile?.points.map(({ rollover }) => rollover)).toEqual([1_000_000n, 4_294_967_296n]);
  });
});

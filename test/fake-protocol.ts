import { z } from "zod";
import { ConfigError, UnsupportedPointError } from "../gateway/model/errors.ts";
import type { RawValue } from "../gateway/model/value.ts";
import type { NorthboundKind } from "../gateway/northbound/northbound.ts";
import type {
  Driver,
  PointResult,
  Protocol,
  ProtocolFinding,
  ReadRequest,
  WriteFrame,
} from "../gateway/southbound/protocol.ts";

// A protocol of cells that hold ready-made values: enough to exercise profiles and configuration.

export interface CellAddress {
  readonly cell: number;
  readonly type: "int" | "float" | "flag" | "text";
}
interface CellHead {
  readonly base: 0 | 1;
}
interface CellConnection {
  readonly host: string;
  readonly port: number;
}
interface CellDevice {
  readonly unit: number;
}

const kinds = { int: "integer", float: "float", flag: "boolean", text: "text" } as const;

export const cells: Protocol<CellConnection, CellDevice, CellHead, CellAddress> = {
  name: "cells",
  connection: z.strictObject({ host: z.string().min(1), port: z.int().min(1).max(65_535).default(4000) }),
  device: z.strictObject({ unit: z.int().min(1).max(247) }),
  head: z.strictObject({ base: z.literal([0, 1]) }),
  address: z.strictObject({
    cell: z.int().min(0).max(999),
    type: z.enum(["int", "float", "flag", "text"]).default("int"),
  }),
  given: z.record(z.string().regex(/^\d+$/), z.union([z.number(), z.boolean(), z.string()])),
  sample: { connection: { host: "localhost" }, device: { unit: 1 } },
  rawKind: ({ type }) => kinds[type],
  check: ({ points }) => {
    const findings: ProtocolFinding[] = [];
    for (const [index, point] of points.entries()) {
      const twin = points.slice(0, index).find((one) => one.address.cell === point.address.cell);
      if (!twin) continue;
      findings.push({
        path: ["points", point.name, "at"],
        code: "overlap",
        message: `"${point.name}" reads the same cell as "${twin.name}"`,
        hint: "one of the two addresses is wrong",
      });
    }
    return findings;
  },
  // One request for all points until the device refuses, then one each.
  plan: (_connection, _device, points, learned) => {
    const request = (some: typeof points): ReadRequest<CellAddress> => ({
      points: some,
      costMs: 1,
      label: `${some.length} cells`,
    });
    return { requests: learned.single ? points.map((point) => request([point])) : [request(points)] };
  },
  learn: (request, learned) => (request.points.length > 1 && !learned.single ? { single: true } : undefined),
  // Cells from 900 on are read only; an integer has 16 bits. A frame is `cell=value`, its answer `ok`.
  writable: ({ cell }) =>
    cell < 900
      ? undefined
      : {
          message: `cell ${cell} can only be read`,
          hint: "write to a cell below 900: write: {at: {cell: ...}}",
        },
  encodeWrite: (_device, { cell, type }, raw): WriteFrame => {
    if (type === "int" && Math.abs(Number(raw)) > 32_767)
      throw new ConfigError(`${String(raw)} does not fit 16 bits`, { code: "does-not-fit" });
    const text = `${cell}=${String(raw)}`;
    return {
      bytes: new TextEncoder().encode(text),
      label: text,
      answered: (reply) => (new TextDecoder().decode(reply) === "ok" ? "done" : undefined),
    };
  },
  replay: async (given, context) => {
    const values = new Map(Object.entries(z.record(z.string(), z.custom<RawValue>()).parse(given)));
    return {
      concurrency: 1,
      lost: context.signal,
      statistics: {},
      read: async (_device, { points }) =>
        points.map((point): PointResult<CellAddress> => {
          const raw = values.get(String(point.address.cell));
          if (raw === undefined)
            throw new UnsupportedPointError(`no cell ${point.address.cell}`, { code: "no-cell" });
          return {
            point,
            at: context.clock.stamp(),
            raw: point.address.type === "float" && raw === "nan" ? Number.NaN : raw,
          };
        }),
      [Symbol.asyncDispose]: async () => {},
    } satisfies Driver<CellAddress, CellDevice, CellHead>;
  },
  open: async () => {
    throw new UnsupportedPointError("a fake has no wire", { code: "fake" });
  },
};

const revealable = z.custom<string | { reveal(): string }>(
  (value) => typeof value === "string" || (typeof value === "object" && value !== null && "reveal" in value),
  { error: "not a password" },
);

export const pigeon: NorthboundKind = {
  name: "pigeon",
  settings: z.strictObject({
    loft: z.string().min(1),
    password: revealable.optional(),
    speed: z.enum(["slow", "fast"]).default("slow"),
  }),
  open: async () => {
    throw new UnsupportedPointError("a fake does not fly", { code: "fake" });
  },
};

export const goodProfile = `profile: acme/meter
version: 1.0.0
title: {en: Acme meter, sv: Acme-mätare}
manufacturer: Acme
models: [M1, M1-B]
category: energy-meter
sources: [{document: Acme M1 manual, pages: 9-17}]
status: draft
caveats: [Answers slowly after power-up]
protocol: cells
cells:
  base: 0
points:
  voltage:
    at: {cell: 1}
    title: {en: Voltage, sv: Spänning}
    unit: V
    scale: 0.1
    class: fast
    range: [0, 300]
    absent: [0x7FFF]
    report: {change: 0.5, within: 15m}
    doc: p. 9
  energy:
    at: {cell: 2}
    unit: kWh
    scale: 1/1000
    kind: counter
    class: {every: 7s}
  temperature:
    at: {cell: 3, type: float}
    unit: Cel
    absent: nan
  state:
    at: {cell: 4}
    values: {0: off, 1: {en: on, sv: på}}
  alarms:
    at: {cell: 5}
    bits: {0: overvoltage, 3: phase_missing}
  serial:
    at: {cell: 6, type: text}
    class: once
  door:
    at: {cell: 7, type: flag}
    values: {false: closed, true: open}
    personal: true
examples:
  - name: nominal
    given: {1: 2304, 2: 123456, 3: 21.5, 4: 1, 5: 8, 6: "A-17", 7: true}
    expect:
      voltage: 230.4
      energy: 123.456
      temperature: 21.5
      state: on
      alarms/overvoltage: false
      alarms/phase_missing: true
      serial: A-17
      door: open
  - given: {1: 32767, 2: 1, 3: nan, 4: 9}
    expect:
      voltage: {quality: sentinel}
      energy: 0.001
      temperature: {quality: sentinel}
      state: {quality: out-of-range}
`;

/** A counter of people that carries a position and reads badges: all of it about people. */
export const peopleProfile = `profile: acme/people
version: 1.0.0
title: {en: Acme people counter, sv: Acme personräknare}
manufacturer: Acme
models: [P1]
category: presence
sources: [{document: Acme P1 manual, pages: 3-5}]
status: draft
protocol: cells
cells: {base: 0}
points:
  people: {at: {cell: 1}, title: {en: People, sv: Personer}, unit: count, class: fast, personal: true}
  people_sum: {at: {cell: 2}, unit: count}
  total: {at: {cell: 3}, unit: count, kind: counter, personal: true}
  badge: {at: {cell: 4}, kind: id, personal: true}
  flags: {at: {cell: 5}, bits: {0: open}, personal: true}
  latitude: {at: {cell: 6, type: float}, unit: lat, personal: true}
  longitude: {at: {cell: 7, type: float}, unit: lon, personal: true}
  power: {at: {cell: 8}, unit: W}
  passing: {at: {cell: 9, type: flag}, kind: event, personal: true}
examples:
  - given: {1: 3, 2: 4, 3: 5, 4: 6, 5: 1, 6: 59.3, 7: 18.1, 8: 10, 9: true}
    expect: {people: 3, people_sum: 4, total: 5, badge: "6", flags/open: true, latitude: 59.3, longitude: 18.1, power: 10, passing: true}
`;

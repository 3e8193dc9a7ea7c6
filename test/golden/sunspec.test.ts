import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Device, Point } from "../../gateway/model/device.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { type Reading, toReadings } from "../../gateway/model/reading.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { modbus } from "../../gateway/southbound/modbus/protocol.ts";
import { type ModelGroup, modelOf } from "../../gateway/southbound/modbus/sunspec-table.ts";
import type { Protocol } from "../../gateway/southbound/protocol.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { type GoldenSunspecImage, registersFromGolden } from "../../simulators/modbus/sunspec.ts";
import { realClock } from "../contract/real-clock.ts";
import { goldenIsHere, goldenPath, readGolden } from "./golden.ts";

interface Definition {
  readonly id: number;
  readonly group: DefinitionGroup;
}
interface DefinitionGroup {
  readonly name: string;
  readonly count?: number | string;
  readonly points: readonly { name: string; type: string; size: number; sf?: string | number }[];
  readonly groups?: readonly DefinitionGroup[];
}

interface Image extends GoldenSunspecImage {
  readonly expected_models: readonly {
    readonly id: number;
    readonly address: number;
    readonly L: number;
    readonly values: Readonly<Record<string, number | string>>;
  }[];
}

/** What our table says of a group, in the words of a definition. */
function described(group: ModelGroup): unknown {
  return {
    count: group.count,
    points: group.points.map(({ name, type, registers, scale }) => ({
      name,
      type,
      size: registers,
      sf: scale,
    })),
    groups: group.groups.map((inner) => ({ name: inner.name, ...(described(inner) as object) })),
  };
}

function asWritten(group: DefinitionGroup): unknown {
  return {
    // 0: to the end of the model; absent: once.
    count: group.count === 0 ? undefined : (group.count ?? 1),
    points: group.points.map(({ name, type, size, sf }) => ({ name, type, size, sf })),
    groups: (group.groups ?? []).map((inner) => ({ name: inner.name, ...(asWritten(inner) as object) })),
  };
}

/** Every point of a model with its indexes, as `name` and `at`: `curve[2].Tms1`, `{point: curve.Tms1, index: 2}`. */
function everyPoint(id: number, repetitions: number): { name: string; at: string; type: string }[] {
  const model = modelOf(id)!;
  const found = model.points.map(({ name, type }) => ({ name, at: `{model: ${id}, point: ${name}}`, type }));
  for (const group of model.groups)
    for (let index = 1; index <= repetitions; index++)
      for (const { name, type } of group.points)
        found.push({
          name: `${group.name}[${index}].${name}`,
          at: `{model: ${id}, point: ${group.name}.${name}, index: ${index}}`,
          type,
        });
  return found.filter(({ type }) => type !== "pad");
}

const pointName = (id: number, name: string) => `m${id}_${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_")}`;

describe.skipIf(!goldenIsHere)("golden SunSpec models and image (needs ../shared/golden)", () => {
  const definitions = goldenIsHere
    ? readdirSync(goldenPath("sunspec", "models")).map((file) =>
        readGolden<Definition>("sunspec", "models", file),
      )
    : [];

  it("are all there", () => {
    expect(definitions.length).toBeGreaterThanOrEqual(19);
  });

  it.each(definitions.map((definition) => [definition.id, definition] as const))(
    "model %i lies in our table as it is defined: names, types, lengths, scale factors, groups",
    (id, { group }) => {
      expect(described(modelOf(id)!)).toEqual(asWritten(group));
    },
  );

  it.each([40_000, 50_000, 0])(
    "the image at %i gives every expected value, and nothing else",
    async (base) => {
      const image = readGolden<Image>("sunspec", "inverter_123.json");
      const points = image.expected_models.flatMap(({ id }) =>
        everyPoint(id, 4).map((point) => ({ ...point, id, key: pointName(id, point.name) })),
      );
      const yaml = `profile: test/image
version: 1.0.0
title: Image
manufacturer: Test
models: [I]
category: solar-inverter
sources: [{document: made for the test}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
${points.map(({ key, at, type }) => `  ${key}: {at: {sunspec: ${at}}${type === "string" ? "" : ", unit: count"}}`).join("\n")}
`;
      const { profile, diagnostics } = loadProfile(yaml, "test/image.yaml", [modbus as Protocol]);
      expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
      await using server = await openModbusServer({
        listen: { tcp: 0 },
        units: { 1: { registers: registersFromGolden(image, base) } },
      });
      const readings = await readAll(profile!, server.port);
      expect(readings.size).toBe(points.length);
      let good = 0;
      for (const { id, values, L } of image.expected_models) {
        expect(values.L).toBe(L);
        for (const { name } of everyPoint(id, 4)) {
          const reading = readings.get(pointName(id, name));
          const expected = values[name];
          if (expected === undefined) expect([name, reading?.quality]).toEqual([name, "sentinel"]);
          else {
            expect([name, reading?.quality, reading?.value]).toEqual([name, "good", expected]);
            good++;
          }
        }
      }
      expect(good).toBe(image.expected_models.flatMap(({ values }) => Object.keys(values)).length);
    },
  );
});

async function readAll(profile: Device["profile"], port: number): Promise<Map<string, Reading>> {
  const connection = modbus.connection.parse({ tcp: { host: "127.0.0.1", port } });
  const stop = new AbortController();
  await using driver = await modbus.open(connection, {
    clock: realClock,
    random: () => 0.5,
    log: silentLog,
    connect: connectBy(realClock),
    emit: async () => {},
    signal: stop.signal,
  });
  const device = {
    id: "image",
    profile,
    connection: "line",
    settings: { unit: 1 },
    urn: "urn:dev:ops:32473-stadsnod-image:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  } as Parameters<NonNullable<typeof driver.read>>[0];
  const readings = new Map<string, Reading>();
  for (const request of modbus.plan(connection, device, device.profile.points, {}).requests)
    for (const result of await driver.read!(device, request, stop.signal)) {
      const point = result.point as Point;
      const all: Reading[] =
        "raw" in result
          ? toReadings(device as Device, point, result.raw, result.at)
          : [{ device: device as Device, point, name: point.name, quality: result.problem, time: result.at }];
      for (const reading of all) readings.set(reading.name, reading);
    }
  return readings;
}

import { suggest } from "../codec/suggest.ts";
import { roundTo } from "../model/decimal.ts";
import type { Device, DeviceProfile, Point } from "../model/device.ts";
import { GatewayError, UnsupportedPointError } from "../model/errors.ts";
import type { Quality } from "../model/quality.ts";
import { badReadings, type Reading, toReadings } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import type { Learned, PointResult, Protocol, SouthboundContext } from "../southbound/protocol.ts";
import type { Report } from "./compile.ts";
import type { WrittenExample } from "./schema.ts";

export type Expectation = Value | { readonly quality: Quality };

/** What a device answers, and what must come of it. */
export interface Example {
  readonly name: string;
  /** As the protocol's `given` schema hands it on. */
  readonly given: unknown;
  /** By the name of a reading: `<point>`, or `<point>/<bit>`. */
  readonly expect: ReadonlyMap<string, Expectation>;
  /** Counters of the driver afterwards, such as lines that matched nothing. */
  readonly counters: ReadonlyMap<string, number>;
}

export interface ExampleResult {
  /** The reading's name; empty when the example failed as a whole. */
  readonly point: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly got: string;
}

/** Gives examples their names and checks that they speak of points that exist. */
export function checkExamples(
  written: readonly WrittenExample[],
  profile: DeviceProfile,
  report: Report,
): Example[] {
  const names = profile.points.flatMap((point) =>
    point.bits ? Array.from(point.bits.values(), (bit) => `${point.name}/${bit}`) : [point.name],
  );
  // A bit field that is not good has one reading under its own name.
  const known = new Set([...names, ...profile.points.map((point) => point.name)]);
  return written.map(({ name, given, expect, counters }, index) => {
    for (const key of Object.keys(expect)) {
      if (known.has(key)) continue;
      const near = suggest(key, known);
      const hint = near === undefined ? undefined : `did you mean "${near}"?`;
      const message = `the profile has no point "${key}"`;
      report(["examples", index, "expect", key], "key", { code: "unknown-point", message, hint });
    }
    return {
      name: name ?? `example ${index + 1}`,
      given,
      expect: new Map(Object.entries(expect)),
      counters: new Map(Object.entries(counters ?? {})),
    };
  });
}

/**
 * Runs one example through the protocol's own planning and decoding, without a wire. One result per
 * expected reading. A number passes when it is equal after rounding to the point's resolution, or,
 * for binary floats without one, within one part in a million.
 */
export async function runExample(
  profile: DeviceProfile,
  example: Example,
  protocol: Protocol,
  context: SouthboundContext,
): Promise<ExampleResult[]> {
  let found: Replayed;
  try {
    found = await replay(profile, example, protocol, context);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return [{ point: "", passed: false, expected: "an answer", got: `${error.code}: ${error.message}` }];
  }
  const { readings, statistics } = found;
  return [
    ...Array.from(example.expect, ([name, expected]) => compare(name, expected, readings.get(name))),
    ...Array.from(example.counters, ([name, expected]): ExampleResult => {
      const got = statistics[name] ?? 0;
      return { point: name, passed: got === expected, expected: String(expected), got: String(got) };
    }),
  ];
}

export interface Replayed {
  readonly readings: ReadonlyMap<string, Reading>;
  readonly statistics: Readonly<Record<string, number>>;
}

/** The readings that an example gives, and the driver's counters. Rejects with a GatewayError when it cannot be replayed. */
export async function replay(
  profile: DeviceProfile,
  example: Example,
  protocol: Protocol,
  context: SouthboundContext,
): Promise<Replayed> {
  const { connection, device: settings } = protocol.sample ?? { connection: {}, device: {} };
  const device: Device = {
    id: "example",
    profile,
    connection: "example",
    settings: protocol.device.parse(settings),
    urn: "urn:dev:ops:32473-example-example:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
  const wanted = profile.points.filter(
    (point) =>
      example.expect.has(point.name) ||
      Array.from(point.bits?.values() ?? []).some((bit) => example.expect.has(`${point.name}/${bit}`)),
  );
  const readings = new Map<string, Reading>();
  const take = (results: readonly PointResult[]): void => {
    for (const reading of results.flatMap((result) => resultReadings(device, result)))
      readings.set(reading.name, reading);
  };
  await using driver = await protocol.replay(example.given, {
    ...context,
    emit: async (_device, results) => take(results),
  });
  const line = protocol.connection.parse(connection);
  const readAll = async (points: readonly Point[], learned: Learned): Promise<void> => {
    for (const request of protocol.plan(line, device, points, learned).requests) {
      try {
        take((await driver.read?.(device, request, context.signal)) ?? []);
      } catch (error) {
        if (!(error instanceof UnsupportedPointError)) throw error;
        // As on a real line: ask for less, until what is missing stands alone.
        const smaller = protocol.learn(request, learned);
        if (!smaller) throw error;
        await readAll(request.points, smaller);
      }
    }
  };
  await driver.listen?.([device]);
  await readAll(wanted, {});
  return { readings, statistics: driver.statistics };
}

function resultReadings(device: Device, result: PointResult): Reading[] {
  return "raw" in result
    ? toReadings(device, result.point, result.raw, result.at)
    : badReadings(device, result.point, result.problem, result.at, result.detail);
}

function compare(name: string, expected: Expectation, reading: Reading | undefined): ExampleResult {
  const wanted = isQuality(expected) ? expected.quality : show(expected);
  if (!reading) return { point: name, passed: false, expected: wanted, got: "no reading" };
  const got =
    reading.quality === "good"
      ? show(reading.value)
      : `${reading.quality}${reading.detail ? ` (${reading.detail})` : ""}`;
  const passed = isQuality(expected)
    ? reading.quality === expected.quality
    : reading.quality === "good" && equal(expected, reading.value, reading.point);
  return { point: name, passed, expected: wanted, got };
}

function equal(expected: Value, got: Value | undefined, { resolution }: Point): boolean {
  if (typeof got === "number" && typeof expected === "number") {
    if (resolution) return roundTo(expected, resolution) === roundTo(got, resolution);
    return Math.abs(got - expected) <= Math.max(Math.abs(got), Math.abs(expected)) * 1e-6;
  }
  if (got instanceof Uint8Array)
    return typeof expected === "string" && hex(got) === expected.replaceAll(/\s/g, "").toLowerCase();
  return got === expected;
}

function isQuality(expected: Expectation): expected is { readonly quality: Quality } {
  return typeof expected === "object" && "quality" in expected;
}

function show(value: Value | undefined): string {
  if (value instanceof Uint8Array) return hex(value);
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

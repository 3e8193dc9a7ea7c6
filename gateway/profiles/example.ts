import { suggest } from "../codec/suggest.ts";
import type { Finding } from "../codec/syntax-error.ts";
import { roundTo } from "../model/decimal.ts";
import { type DeviceProfile, type Point, readablePoints } from "../model/device.ts";
import { GatewayError, UnsupportedPointError } from "../model/errors.ts";
import type { Quality } from "../model/quality.ts";
import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import { momentReadings, withInputs } from "../southbound/derivation.ts";
import type { Learned, PointResult, Protocol, SouthboundContext } from "../southbound/protocol.ts";
import { type ExampleCommand, type ExampleResult, neededPoints, runCommand } from "./command-example.ts";
import type { Report } from "./compile.ts";
import { type Chosen, choose, type Options } from "./option.ts";
import { sampleDevice } from "./sample.ts";
import type { WrittenExample } from "./schema.ts";

export type { ExampleCommand, ExampleResult } from "./command-example.ts";

export type Expectation = Value | { readonly quality: Quality };

/** What a device answers, and what must come of it. */
export interface Example {
  readonly name: string;
  /** The profile with the example's choices, when it makes any. */
  readonly profile?: DeviceProfile | undefined;
  /** As the protocol's `given` schema hands it on. */
  readonly given: unknown;
  /** What gateway.yaml would say of the device; undefined: the protocol's sample. */
  readonly device?: unknown;
  /** By the name of a reading: `<point>`, or `<point>/<bit>`. */
  readonly expect: ReadonlyMap<string, Expectation>;
  /** Counters of the driver afterwards, such as lines that matched nothing. */
  readonly counters: ReadonlyMap<string, number>;
  readonly command?: ExampleCommand | undefined;
}

/** The profile that examples speak of. */
export interface ExampleContext {
  /** With the default choices. */
  readonly profile: DeviceProfile;
  readonly options: Options;
  readonly variant: (chosen: Chosen) => DeviceProfile;
  /** Points that other choices have, each with the words for it. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

/** Gives examples their names and checks that they speak of points that exist. */
export function checkExamples(
  written: readonly WrittenExample[],
  context: ExampleContext,
  report: Report,
): Example[] {
  return written.map((one, index) => {
    const path = ["examples", index];
    const chosen = choose(
      { ...context.profile.chosen, ...one.options },
      context.options,
      (inside, part, finding) => report([...path, ...inside], part, finding),
    );
    const profile = chosen ? context.variant(chosen) : context.profile;
    const known = namesOf(profile);
    for (const key of Object.keys(one.expect ?? {})) {
      if (known.has(key)) continue;
      report([...path, "expect", key], "key", unknownPoint(key, known, context));
    }
    const [command] = Object.entries(one.write ?? {});
    if (command) checkCommand(command[0], profile, [...path, "write", command[0]], context, report);
    return {
      name: one.name ?? `example ${index + 1}`,
      profile: one.options && profile,
      given: one.given,
      device: one.device,
      expect: new Map(Object.entries(one.expect ?? {})),
      counters: new Map(Object.entries(one.counters ?? {})),
      command: command && {
        point: command[0],
        value: command[1],
        refuse: one.refuse,
        exchange: one.exchange ?? [],
      },
    };
  });
}

/** Names of readings; a bit field that is not good has one reading under its own name. */
function namesOf(profile: DeviceProfile): Set<string> {
  return new Set(
    readablePoints(profile).flatMap((point) => [
      point.name,
      ...Array.from(point.bits?.values() ?? [], (bit) => `${point.name}/${bit}`),
    ]),
  );
}

function checkCommand(
  name: string,
  profile: DeviceProfile,
  path: (string | number)[],
  context: ExampleContext,
  report: Report,
): void {
  const points = [...profile.points, ...(profile.commands ?? [])];
  const point = points.find((one) => one.name === name);
  if (!point) report(path, "key", unknownPoint(name, new Set(points.map((one) => one.name)), context));
}

function unknownPoint(name: string, known: ReadonlySet<string>, context: ExampleContext): Finding {
  const near = suggest(name, known);
  const hint = context.elsewhere.get(name) ?? (near === undefined ? undefined : `did you mean "${near}"?`);
  return { code: "unknown-point", message: `the profile has no point "${name}"`, hint };
}

/**
 * Runs one example through the protocol's own planning and decoding, without a wire. One result per
 * expected reading. A number passes when it is equal after rounding to the point's resolution, or,
 * for binary floats without one, within one part in a million.
 */
export async function runExample(
  standard: DeviceProfile,
  example: Example,
  protocol: Protocol,
  context: SouthboundContext,
): Promise<ExampleResult[]> {
  const profile = example.profile ?? standard;
  const { command } = example;
  let found: Replayed;
  try {
    if (command) {
      // What the device shows at that time: formulas and interlocks look at it.
      const needed = neededPoints(profile, command);
      const { readings } = await replay(profile, example, protocol, context, needed);
      return [runCommand(profile, command, protocol, valuesOf(readings), example.device)];
    }
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
  wanted: readonly Point[] = expectedPoints(profile, example),
): Promise<Replayed> {
  // A command that looks at nothing needs no device.
  if (example.command && example.given === undefined) return { readings: new Map(), statistics: {} };
  const device = sampleDevice(protocol, profile, example.device);
  const found: PointResult[] = [];
  const take = (results: readonly PointResult[]): void => {
    found.push(...results);
  };
  await using driver = await protocol.replay(example.given, {
    ...context,
    emit: async (_device, results) => take(results),
  });
  const line = protocol.connection.parse(protocol.sample?.connection ?? {});
  const readAll = async (points: readonly Point[], learned: Learned): Promise<void> => {
    for (const request of protocol.plan(line, device, points, learned).requests) {
      try {
        take((await driver.read?.(device, request, context.signal)) ?? []);
      } catch (error) {
        if (!(error instanceof UnsupportedPointError)) throw error;
        // As on a real line: ask for less, until what is missing stands alone.
        const smaller = protocol.learn(request, learned, error);
        if (!smaller) throw error;
        await readAll(request.points, smaller);
      }
    }
  };
  await driver.listen?.([device]);
  await readAll(withInputs(profile, wanted), {});
  const readings = momentReadings(device, found);
  return {
    readings: new Map(readings.map((reading) => [reading.name, reading])),
    statistics: driver.statistics,
  };
}

/** The points that an example says something about. */
function expectedPoints(profile: DeviceProfile, { expect }: Example): readonly Point[] {
  return readablePoints(profile).filter(
    (point) =>
      expect.has(point.name) ||
      Array.from(point.bits?.values() ?? []).some((bit) => expect.has(`${point.name}/${bit}`)),
  );
}

/** The good ones. */
function valuesOf(readings: ReadonlyMap<string, Reading>): Map<string, Value> {
  return new Map(
    Array.from(readings.values()).flatMap(({ name, value }): [string, Value][] =>
      value === undefined ? [] : [[name, value]],
    ),
  );
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

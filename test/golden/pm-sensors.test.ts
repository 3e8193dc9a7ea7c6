import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Device } from "../../gateway/model/device.ts";
import { LinkError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { type Reading, toReadings } from "../../gateway/model/reading.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import type { PointResult, SouthboundContext } from "../../gateway/southbound/protocol.ts";
import { HeadDeframer } from "../../gateway/southbound/serial-frame/deframer.ts";
import { serialFrame } from "../../gateway/southbound/serial-frame/protocol.ts";
import { headOf } from "../../gateway/southbound/serial-frame/request.ts";
import type { FrameAddress, FrameDevice, FrameHead } from "../../gateway/southbound/serial-frame/settings.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { goldenIsHere, readGolden } from "./golden.ts";

// Frames recorded from real sensors by others, and frames that must be refused, through the profiles
// that we ship: found in the byte stream, decoded, scaled and judged as on a live line.

interface Pairs {
  readonly pairs: readonly {
    readonly frame_hex: string;
    readonly expected: Readonly<Record<string, number>>;
  }[];
}
interface Negative {
  readonly frames: readonly {
    readonly sensor: string;
    readonly frame_hex: string;
    readonly error: string;
    readonly id: string;
  }[];
}

/** Their names by our points; numbers of particles are theirs per cm3 and ours per 0.1 l, as the sensor counts. */
const plantower = {
  raw01: ["pm1_standard", 1],
  raw25: ["pm25_standard", 1],
  raw10: ["pm10_standard", 1],
  pm01: ["pm1", 1],
  pm25: ["pm25", 1],
  pm10: ["pm10", 1],
} as const;
const sensors: Readonly<
  Record<
    string,
    { readonly profile: string; readonly names: Readonly<Record<string, readonly [string, number]>> }
  >
> = {
  pms3003: { profile: "plantower/pms3003", names: plantower },
  pmsx003: {
    profile: "plantower/pms5003",
    names: {
      ...plantower,
      n0_3: ["particles_0_3", 100],
      n0_5: ["particles_0_5", 100],
      n1_0: ["particles_1_0", 100],
      n2_5: ["particles_2_5", 100],
      n5_0: ["particles_5_0", 100],
      n10_0: ["particles_10_0", 100],
    },
  },
  sds01x: { profile: "nova/sds011", names: { pm25: ["pm25", 1], pm10: ["pm10", 1] } },
  mhz19b: { profile: "winsen/mh-z19b", names: { CO2: ["co2", 1] } },
};

type Target = Device<FrameAddress, FrameDevice, FrameHead>;

function deviceOf(id: string): Target {
  const file = join("device-profiles", `${id}.yaml`);
  const text = readFileSync(resolve(import.meta.dirname, "../..", file), "utf8");
  const { profile, diagnostics } = loadProfile(text, file, [serialFrame]);
  if (!profile) throw new Error(JSON.stringify(diagnostics));
  return {
    id: "sensor",
    // The profile was made by this very protocol.
    profile: profile as Target["profile"],
    connection: "line",
    settings: {},
    urn: "urn:dev:ops:32473-golden-sensor:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

const hexBytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** The readings of a byte stream, heard or as the answer to the sensor's request; and the driver's counters. */
async function readingsOf(device: Target, hex: string) {
  const readings = new Map<string, Reading>();
  const take = (results: readonly PointResult[]) => {
    for (const result of results)
      if ("raw" in result)
        for (const reading of toReadings(device, result.point, result.raw, result.at))
          readings.set(reading.name, reading);
  };
  const context: SouthboundContext = {
    clock: new VirtualClock(),
    random: () => 0.5,
    log: silentLog,
    connect: async () => {
      throw new LinkError("there is no line", { code: "no-line" });
    },
    emit: async (_device, results) => take(results),
    signal: new AbortController().signal,
  };
  const connection = serialFrame.connection.parse({ serial: { port: "/dev/ttyS0", baud: 9600 } });
  const { requests, heard } = serialFrame.plan(connection, device, device.profile.points, {});
  const request = requests[0];
  const asked = request ? [{ ">": "ff0186000000000079", "<": hex }] : undefined;
  await using driver = await serialFrame.replay(asked ? { exchange: asked } : { rx: hex }, context);
  await driver.listen?.([device]);
  const answered = request
    ? await driver.read?.(device, request, context.signal).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "timeout" });
        return [];
      })
    : [];
  take(answered ?? []);
  expect((heard?.length ?? 0) + requests.flatMap(({ points }) => points).length).toBe(
    device.profile.points.length,
  );
  return { readings, statistics: driver.statistics };
}

describe.skipIf(!goldenIsHere)("golden PM and CO2 sensors (needs ../shared/golden)", () => {
  for (const [sensor, { profile, names }] of Object.entries(sensors)) {
    const { pairs } = goldenIsHere ? readGolden<Pairs>("pm-sensors", `${sensor}.json`) : { pairs: [] };
    const device = deviceOf(profile);

    describe(`${sensor}, through ${profile}`, () => {
      it.each(pairs.map((pair, index) => [index, pair] as const))(
        "frame %i",
        async (_, { frame_hex, expected }) => {
          const { readings, statistics } = await readingsOf(device, frame_hex);
          expect(statistics).toMatchObject({ frames: 1, skipped: 0, "bad-checksum": 0, rejected: 0 });
          for (const [theirs, value] of Object.entries(expected)) {
            const [point, factor] = names[theirs] ?? ["unknown", 1];
            const reading = readings.get(point);
            expect([theirs, reading?.quality]).toEqual([theirs, "good"]);
            expect(Number(reading?.value) / factor).toBeCloseTo(value, 9);
          }
        },
      );

      it("has no other value after any single flipped bit", async () => {
        let tried = 0;
        for (const { frame_hex } of pairs) {
          const frame = hexBytes(frame_hex);
          for (let bit = 0; bit < 8 * frame.length; bit++) {
            const damaged = frame.slice();
            damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
            const deframer = new HeadDeframer(headOf(device.profile.protocolSettings));
            expect([...deframer.push(damaged), ...deframer.quiet()]).toEqual([]);
            tried++;
          }
        }
        expect(tried).toBe(8 * pairs.reduce((total, { frame_hex }) => total + frame_hex.length / 2, 0));
      });

      it("finds the same frames in any chunks, with any garbage around that holds no start", () => {
        const head = headOf(device.profile.protocolSettings);
        const frames = pairs.map(({ frame_hex }) => frame_hex);
        fc.assert(
          fc.property(
            fc.array(fc.uint8Array({ maxLength: 12 }), {
              minLength: frames.length + 1,
              maxLength: frames.length + 1,
            }),
            fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40 }),
            (garbage, sizes) => {
              const first = head.shapes[0]?.start[0] ?? 0;
              const clean = garbage.map((bytes) => bytes.map((byte) => (byte === first ? 0 : byte)));
              const stream = Buffer.concat(
                clean.flatMap((bytes, index) => [bytes, hexBytes(frames[index] ?? "")]),
              );
              const whole = new HeadDeframer(head);
              const found = whole.push(stream);
              expect(found.map(({ bytes }) => Buffer.from(bytes).toString("hex"))).toEqual(frames);
              const pieces = new HeadDeframer(head);
              const again = [];
              for (let at = 0, turn = 0; at < stream.length; turn++) {
                const size = sizes[turn % sizes.length]!;
                again.push(...pieces.push(stream.subarray(at, at + size)));
                at += size;
              }
              expect(again.map(({ bytes }) => bytes)).toEqual(found.map(({ bytes }) => bytes));
              expect(pieces.statistics).toEqual(whole.statistics);
            },
          ),
          { numRuns: 60 },
        );
      });
    });
  }

  describe("frames that must be refused", () => {
    const { frames } = goldenIsHere ? readGolden<Negative>("pm-sensors", "negative.json") : { frames: [] };
    /** What our counters call their reason. */
    const counterOf = (error: string): string =>
      error.startsWith("message length")
        ? "incomplete"
        : error.startsWith("message header")
          ? "skipped"
          : error.startsWith("message tail")
            ? "bad-end"
            : error.startsWith("message checksum")
              ? "bad-checksum"
              : "rejected";

    it.each(frames.map((frame) => [frame.id, frame] as const))(
      "%s",
      async (_, { sensor, frame_hex, error }) => {
        const { readings, statistics } = await readingsOf(
          deviceOf(sensors[sensor]?.profile ?? sensor),
          frame_hex,
        );
        expect([...readings.values()]).toEqual([]);
        const counter = counterOf(error);
        expect([error, counter, statistics[counter]]).not.toContain(0);
        expect(statistics[counter]).toBeGreaterThan(0);
        expect(statistics.frames).toBe(counter === "rejected" ? 1 : 0);
      },
    );

    it("are all there", () => {
      expect(frames.length).toBe(17);
    });
  });
});

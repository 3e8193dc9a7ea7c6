import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LinkError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { type Reading, toReadings } from "../../gateway/model/reading.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { decodeHdlc } from "../../gateway/southbound/smart-meter/dlms/hdlc.ts";
import { HdlcDeframer } from "../../gateway/southbound/smart-meter/dlms/hdlc-deframer.ts";
import { type Layout, messageOf } from "../../gateway/southbound/smart-meter/dlms/layout.ts";
import { MbusDeframer } from "../../gateway/southbound/smart-meter/dlms/mbus-deframer.ts";
import { decodeNotification, withoutLlc } from "../../gateway/southbound/smart-meter/dlms/notification.ts";
import { smartMeter } from "../../gateway/southbound/smart-meter/protocol.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { goldenIsHere, goldenPath, readGolden } from "./golden.ts";

interface Push {
  readonly file: string;
  readonly llc_pdu_hex: string;
  readonly expected: Readonly<Record<string, string | number>>;
}
interface Frames {
  readonly frames: readonly {
    readonly name: string;
    readonly frame_hex_without_flags: string;
    readonly fcs_valid: boolean | string;
  }[];
}

const pushes: readonly Push[] = goldenIsHere
  ? readdirSync(goldenPath("han"))
      .filter((file) => file.endsWith(".json") && file !== "hdlc_frames.json")
      .map((file) => ({ ...readGolden<Omit<Push, "file">>("han", file), file }))
  : [];
const { frames }: Frames = goldenIsHere ? readGolden<Frames>("han", "hdlc_frames.json") : { frames: [] };

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** CRC-16/X-25 bit by bit, as the standard describes it: nothing of the code under test. */
function x25(bytes: Uint8Array): number[] {
  let register = 0xffff;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit += 1) {
      const feedback = (register ^ (byte >> bit)) & 1;
      register >>= 1;
      if (feedback) register ^= 0x8408;
    }
  register ^= 0xffff;
  return [register & 0xff, register >> 8];
}

/** An HDLC frame with flags. */
function hdlc(
  content: Uint8Array,
  {
    addresses = [0x41, 0x08, 0x83],
    control = 0x13,
    segmented = false,
    stuffed = false,
  }: { addresses?: number[]; control?: number; segmented?: boolean; stuffed?: boolean } = {},
): Uint8Array {
  const length = 2 + addresses.length + 1 + 2 + content.length + 2;
  const head = [0xa0 | (segmented ? 8 : 0) | (length >> 8), length & 0xff, ...addresses, control];
  const body = [...head, ...x25(Uint8Array.from(head)), ...content];
  const frame = [...body, ...x25(Uint8Array.from(body))];
  const inside = stuffed
    ? frame.flatMap((byte) => (byte === 0x7e || byte === 0x7d ? [0x7d, byte ^ 0x20] : [byte]))
    : frame;
  return Uint8Array.from([0x7e, ...inside, 0x7e]);
}

/** M-Bus long frames with at most `size` bytes of content each. */
function mbus(content: Uint8Array, size = 200): Uint8Array {
  const count = Math.ceil(content.length / size);
  return Uint8Array.from(
    Array.from({ length: count }, (_, index) => {
      const part = content.subarray(index * size, (index + 1) * size);
      const body = [0x53, 0xff, (index % 16) | (index === count - 1 ? 0x10 : 0), 0x01, 0x67, ...part];
      const sum = body.reduce((total, byte) => (total + byte) % 256, 0);
      return [0x68, body.length, body.length, 0x68, ...body, sum, 0x16];
    }).flat(),
  );
}

function cut(deframer: HdlcDeframer | MbusDeframer, stream: Uint8Array, sizes: readonly number[] = []) {
  const found: string[] = [];
  let at = 0;
  for (const size of [...sizes, stream.length]) {
    found.push(...deframer.push(stream.slice(at, at + size)).map(hexOf));
    at += size;
  }
  return found;
}

const layoutOf = (file: string): Layout =>
  file.startsWith("aidon") ? "obis-scaler" : file.startsWith("kaifa") ? "list" : "obis";

/** The golden words and ours. Energies of the source are in Wh and varh, powers in W and var. */
const points: Readonly<Record<string, string>> = {
  active_power_import: "power_import",
  active_power_export: "power_export",
  reactive_power_import: "reactive_power_import",
  reactive_power_export: "reactive_power_export",
  active_power_import_l1: "power_import_l1",
  active_power_import_l2: "power_import_l2",
  active_power_import_l3: "power_import_l3",
  active_power_export_l1: "power_export_l1",
  active_power_export_l2: "power_export_l2",
  active_power_export_l3: "power_export_l3",
  reactive_power_import_l1: "reactive_power_import_l1",
  reactive_power_import_l2: "reactive_power_import_l2",
  reactive_power_import_l3: "reactive_power_import_l3",
  reactive_power_export_l1: "reactive_power_export_l1",
  reactive_power_export_l2: "reactive_power_export_l2",
  reactive_power_export_l3: "reactive_power_export_l3",
  active_power_import_total: "energy_import",
  active_power_export_total: "energy_export",
  reactive_power_import_total: "reactive_energy_import",
  reactive_power_export_total: "reactive_energy_export",
  current_l1: "current_l1",
  current_l2: "current_l2",
  current_l3: "current_l3",
  voltage_l1: "voltage_l1",
  voltage_l2: "voltage_l2",
  voltage_l3: "voltage_l3",
  meter_id: "equipment_id",
  meter_type: "meter_type",
  list_ver_id: "list_version",
  meter_datetime: "meter_time",
};

const profileOf = (file: string) =>
  file.startsWith("aidon")
    ? "aidon/6000-series"
    : file.startsWith("kaifa")
      ? "kaifa/ma304"
      : "kamstrup/omnipower";

const profiles = resolve(import.meta.dirname, "../../device-profiles");

async function throughProfile(id: string, stream: Uint8Array): Promise<ReadonlyMap<string, Reading>> {
  const file = join(profiles, `${id}.yaml`);
  const { profile } = loadProfile(readFileSync(file, "utf8"), file, [smartMeter]);
  if (!profile) throw new Error(`${id} is not right`);
  const readings = new Map<string, Reading>();
  await using driver = await smartMeter.replay(
    { rx: hexOf(stream) },
    {
      clock: new VirtualClock(),
      random: () => 0.5,
      log: silentLog,
      connect: async () => {
        throw new LinkError("a replay has no line", { code: "no-line" });
      },
      signal: new AbortController().signal,
      emit: async (device, results) => {
        for (const result of results) {
          if (!("raw" in result)) throw new Error(`${result.point.name}: ${result.detail}`);
          for (const reading of toReadings(device, result.point, result.raw, result.at))
            readings.set(reading.name, reading);
        }
      },
    },
  );
  await driver.listen?.([
    {
      id: "example",
      profile: profile as never,
      connection: "example",
      settings: {},
      urn: "urn:dev:ops:32473-example-example:",
      audience: "owner",
      audiences: new Map(),
      poll: { fast: 1000, normal: 1000, slow: 1000 },
    },
  ]);
  return readings;
}

describe.skipIf(!goldenIsHere)("golden DLMS pushes (needs ../shared/golden)", () => {
  it("are there", () => {
    expect(pushes.length).toBe(8);
    expect(frames.length).toBe(5);
  });

  it.each(pushes)("$file: every value, through HDLC and the shipped profile", async (golden) => {
    const readings = await throughProfile(profileOf(golden.file), hdlc(bytesOf(golden.llc_pdu_hex)));
    for (const [word, expected] of Object.entries(golden.expected)) {
      // Of the source's own making: the maker is what its caller chose, not in the message.
      if (word === "meter_manufacturer") continue;
      const reading = readings.get(points[word] ?? word);
      expect(reading?.quality, word).toBe("good");
      const [, year, month, day, hour, minute, second] =
        /^datetime\((\d+), (\d+), (\d+), (\d+), (\d+), (\d+)\)$/.exec(String(expected)) ?? [];
      const wanted =
        year === undefined
          ? expected
          : new Date(
              Date.UTC(+year, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)),
            )
              .toISOString()
              .slice(0, 19);
      expect(reading?.value, word).toBe(wanted);
    }
    const known = new Set(Object.keys(golden.expected).map((word) => points[word]));
    const silent = [...readings.keys()].filter((name) => !known.has(name));
    // Values that the source does not assert: its lists have more than its tests compare.
    expect(
      silent.filter(
        (name) =>
          !/^(meter_time|equipment_id|energy_|reactive_energy_|current_l2|power_import_l3)/.test(name),
      ),
    ).toEqual([]);
  });

  it.each(pushes)("$file: the same through stuffed HDLC, segments, and M-Bus", (golden) => {
    const content = bytesOf(golden.llc_pdu_hex);
    const wanted = [hexOf(content)];
    expect(cut(new HdlcDeframer(), hdlc(content))).toEqual(wanted);
    expect(cut(new HdlcDeframer(), hdlc(content, { stuffed: true }))).toEqual(wanted);
    for (const addresses of [
      [0x03, 0x21],
      [0xce, 0xff, 0x03],
      [0x02, 0x04, 0x06, 0x09, 0x21],
    ])
      expect(cut(new HdlcDeframer(), hdlc(content, { addresses }))).toEqual(wanted);
    const half = content.length >> 1;
    const first = hdlc(content.subarray(0, half), { segmented: true });
    const second = hdlc(content.subarray(half));
    expect(cut(new HdlcDeframer(), Buffer.concat([first, second]))).toEqual(wanted);
    expect(cut(new MbusDeframer(), mbus(content))).toEqual(wanted);
    expect(cut(new MbusDeframer(), mbus(content, 20))).toEqual(wanted);
  });

  it.each(frames)("$name: taken with its content as it is", ({ frame_hex_without_flags: hex, fcs_valid }) => {
    const stream = bytesOf(`7e7e7e${hex}7e`);
    const deframer = new HdlcDeframer();
    const contents = cut(deframer, stream);
    expect(deframer.statistics).toMatchObject({ frames: 1, "bad-checksum": 0, "skipped-bytes": 0 });
    const plain = fcs_valid === true ? bytesOf(hex) : bytesOf("a00d0102011063ab7e7d03932d");
    const { information } = decodeHdlc(plain);
    expect(contents).toEqual(information.length === 0 ? [] : [hexOf(information)]);
  });

  it("does not take a frame that is shorter than it says, or whose checksum is wrong", () => {
    for (const { frame_hex_without_flags: hex } of frames.slice(0, 4)) {
      expect(cut(new HdlcDeframer(), bytesOf(`7e${hex.slice(0, -2)}7e7e`))).toEqual([]);
      const wrong = bytesOf(hex);
      wrong[wrong.length - 1]! ^= 0x55;
      expect(cut(new HdlcDeframer(), Uint8Array.of(0x7e, ...wrong, 0x7e))).toEqual([]);
      expect(() => decodeHdlc(wrong)).toThrow(/FCS/);
    }
  });

  it.each(pushes)("$file: one flipped bit never gives another value", (golden) => {
    const content = bytesOf(golden.llc_pdu_hex);
    for (const [make, stream] of [
      [() => new HdlcDeframer(), hdlc(content)],
      [() => new MbusDeframer(), mbus(content)],
    ] as const)
      for (let bit = 0; bit < stream.length * 8; bit += 1) {
        const damaged = stream.slice();
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        const deframer = make();
        for (const frame of [...deframer.push(damaged), ...deframer.quiet()])
          expect(hexOf(frame)).toBe(hexOf(content));
      }
  });

  it("gives the same in any chunks, between any garbage, and finds the next good frame", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.constantFrom(0x7e, 0xa0, 0xa8, 0x7d, 0x00, 0x41, 0x10), { maxLength: 40 }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...pushes),
        fc.constantFrom(...pushes),
        fc.boolean(),
        garbage,
        garbage,
        fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 40 }),
        (one, other, stuffed, before, between, sizes) => {
          const [first, second] = [one, other].map(({ llc_pdu_hex }) => bytesOf(llc_pdu_hex));
          const stream = Uint8Array.from([
            ...before,
            ...hdlc(first!, { stuffed }),
            ...between,
            ...hdlc(second!, { stuffed }),
          ]);
          // A false start may wait for bytes that never come: silence ends it.
          const whole = new HdlcDeframer();
          const wanted = [...cut(whole, stream), ...whole.quiet().map(hexOf)];
          expect(wanted).toEqual([hexOf(first!), hexOf(second!)]);
          const chunked = new HdlcDeframer();
          expect([...cut(chunked, stream, sizes), ...chunked.quiet().map(hexOf)]).toEqual(wanted);
        },
      ),
      { numRuns: 400 },
    );
  });

  it.each(pushes)("$file: cut off anywhere it is refused, never read in part", ({ file, llc_pdu_hex }) => {
    const apdu = withoutLlc(bytesOf(llc_pdu_hex));
    expect(messageOf(decodeNotification(apdu).body, layoutOf(file))).toBeDefined();
    for (let length = 0; length < apdu.length; length += 1)
      expect(() => messageOf(decodeNotification(apdu.subarray(0, length)).body, layoutOf(file))).toThrow();
  });
});

import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatewayError, TransientError } from "../../gateway/model/errors.ts";
import { decimalText, hexDigits } from "../../gateway/southbound/mbus/data.ts";
import { MbusDeframer } from "../../gateway/southbound/mbus/deframer.ts";
import { encodeLong, type LongFrame, longestFrame } from "../../gateway/southbound/mbus/frame.ts";
import type { DataRecord } from "../../gateway/southbound/mbus/records.ts";
import { decodeTelegram, type Telegram } from "../../gateway/southbound/mbus/telegram.ts";
import { goldenIsHere, goldenPath, readGolden } from "./golden.ts";

interface GoldenRecord {
  readonly function: string;
  readonly storage?: string;
  readonly tariff?: string;
  readonly device?: string;
  readonly raw_unit?: string;
  readonly raw_value: string;
  readonly quantity?: string;
  readonly unit: string;
  readonly value: string;
}
interface GoldenFrame {
  readonly frame_hex: string;
  readonly slave: Readonly<Record<string, string>>;
  readonly records: readonly GoldenRecord[];
}
interface GoldenError {
  readonly frame_hex: string;
  readonly libmbus_decodes_to: { readonly records: readonly unknown[] } | null;
}
interface GoldenAsserts {
  readonly frame_hex: string;
  readonly asserts: readonly { readonly record: number; readonly attr: string; readonly value: string }[];
}

const names = (folder: string): string[] =>
  goldenIsHere ? readdirSync(goldenPath("mbus", folder)).filter((name) => name.endsWith(".json")) : [];
const hexBytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

/** Frames in a stream, and what they say; a refusal as its code. */
function readStream(chunks: readonly Uint8Array[], quiet = true): (Telegram | string)[] {
  const deframer = new MbusDeframer();
  const frames = chunks.flatMap((chunk) => [...deframer.push(chunk, 0)]);
  if (quiet) frames.push(...deframer.quiet(0));
  return frames
    .filter((frame): frame is LongFrame => frame.kind === "long")
    .map((frame) => {
      try {
        return decodeTelegram(frame);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        return error.code;
      }
    });
}

function read(hex: string): Telegram | string | undefined {
  return readStream([hexBytes(hex)])[0];
}

/** libmbus' words for quantities that we call something else. */
const quantityNames: Readonly<Record<string, string>> = {
  "H.C.A.": "heat-cost-allocation",
  "Time point (date)": "date",
  "Time point (date & time)": "date-time",
  "Fabrication No": "fabrication-number",
  "(Enhanced) Identification": "identification",
  "Model / Version": "model",
  "Parameter set identification": "parameter-set",
  "Manufacturer specific": "manufacturer",
  "Digital Input": "digital-input",
};
const unitNames: Readonly<Record<string, string>> = {
  "°C": "Cel",
  "m^3": "m3",
  "m^3/h": "m3/h",
  "-": "",
  "Units for H.C.A.": "count",
};
const functionNames: Readonly<Record<string, string>> = {
  "Instantaneous value": "instantaneous",
  "Maximum value": "maximum",
  "Minimum value": "minimum",
  "Value during error state": "error",
};
const mediums: Readonly<Record<string, number>> = {
  Other: 0,
  Electricity: 2,
  Gas: 3,
  "Heat: Outlet": 4,
  "Warm water (30-90°C)": 6,
  Water: 7,
  "Heat Cost Allocator": 8,
  "Heat: Inlet": 12,
  "Heat / Cooling load meter": 13,
  "Bus/System": 14,
  "Cold water": 22,
};

/** Our value in libmbus' form: six decimals, texts, or bytes from the last to the first. */
function valueText({ value, exponent, factor }: DataRecord): string {
  switch (value.kind) {
    case "whole":
      return sixDecimals(decimalText(BigInt(value.mantissa) * BigInt(factor), exponent));
    case "real":
      return (value.value * factor * 10 ** exponent).toFixed(6);
    case "text":
      return value.text;
    case "bytes":
      return hexDigits(value.bytes, 0, value.bytes.length).replace(/(..)(?=.)/g, "$1 ");
    case "none":
      return "";
    case "problem":
      return `no value: ${value.detail}`;
  }
}

/** Exact, by text: no binary fraction comes near it. None of the records has more than six. */
function sixDecimals(text: string): string {
  const [whole = "", fraction = ""] = text.split(".");
  expect(fraction.length).toBeLessThanOrEqual(6);
  return `${whole}.${fraction.padEnd(6, "0")}`;
}

/**
 * Where libmbus gives a number or a date that the meter did not say: digits beyond 9 read as if they
 * were decimal ones, and dates of month 0 or day 0, or with the invalid bit set.
 */
const wrongInSource: Readonly<Record<string, string>> = {
  "abb_f95.json 2": "the digits DDEBB4DD",
  "abb_f95.json 3": "the digits EBB4DD",
  "acw_itron_bm_plus_m.json 2": "a date without a day or month",
  "siemens_water.json 3": "a date without a day or month",
  "rel_relay_padpuls2.json 1": "a time that it calls invalid",
};

/** Where libmbus reads past an extension (how long a limit was exceeded) and names the unit of what was limited. */
const durations: ReadonlyMap<string, string> = new Map([
  ["sen_pollustat.json 12", "s"],
  ["sen_pollustat.json 13", "s"],
]);

describe.skipIf(!goldenIsHere)("golden M-Bus frames (needs ../shared/golden)", () => {
  const frames = names("frames").map((name) => ({
    name,
    golden: readGolden<GoldenFrame>("mbus", "frames", name),
  }));

  it("are as many as were collected", () => {
    expect(frames.length).toBe(37);
    expect(frames.reduce((sum, { golden }) => sum + golden.records.length, 0)).toBe(464);
  });

  it.each(frames)("$name: who speaks", ({ golden: { frame_hex, slave } }) => {
    const telegram = read(frame_hex);
    if (typeof telegram !== "object") throw new Error(String(telegram));
    const { header } = telegram;
    expect(header.id).toBe(slave.Id?.padStart(8, "0"));
    expect(header.medium).toBe(mediums[slave.Medium ?? ""]);
    expect(header.access).toBe(Number(slave.AccessNumber));
    expect(header.status).toBe(Number.parseInt(slave.Status ?? "", 16));
    expect(header.manufacturer).toBe(slave.Manufacturer);
    expect(header.version).toBe(slave.Version === undefined ? undefined : Number(slave.Version));
    // libmbus prints the two bytes in the order of the number, not of the wire.
    expect(header.signature?.toString(16).padStart(4, "0").toUpperCase()).toBe(slave.Signature);
  });

  it.each(frames)("$name: every record", ({ name, golden: { frame_hex, records } }) => {
    const telegram = read(frame_hex);
    if (typeof telegram !== "object") throw new Error(String(telegram));
    const last = records.at(-1)?.function;
    expect(telegram.more).toBe(last === "More records follow");
    const wanted = records.filter(({ function: kind }) => {
      return kind !== "More records follow" && kind !== "Manufacturer specific";
    });
    expect(telegram.records.length).toBe(wanted.length);
    if (wanted.length < records.length) {
      const { manufacturerData = new Uint8Array() } = telegram;
      const bytes = Buffer.from(manufacturerData).toString("hex").toUpperCase();
      expect(bytes).toBe(records.at(-1)?.raw_value.replaceAll(" ", ""));
    }
    for (const [index, record] of wanted.entries()) {
      const mine = telegram.records[index];
      if (!mine) throw new Error("counted above");
      if (record.function === "Actual value") {
        expect(fixedText(mine, index)).toBe(record.value);
        continue;
      }
      const label = `${name} ${index}`;
      expect(mine.function, label).toBe(functionNames[record.function]);
      expect(`${mine.storage}/${mine.tariff}/${mine.subunit}`, label).toBe(
        `${record.storage ?? 0}/${record.tariff ?? 0}/${record.device ?? 0}`,
      );
      const { quantity = "" } = record;
      if (mine.text === undefined)
        expect(mine.quantity, label).toBe(
          quantityNames[quantity] ?? quantity.toLowerCase().replaceAll(" ", "-"),
        );
      else expect(mine.text, label).toBe(quantity);
      expect(mine.unit, label).toBe(durations.get(label) ?? unitNames[record.unit] ?? record.unit);
      const excuse = wrongInSource[label];
      const text = valueText(mine);
      if (excuse) expect(text, label).toBe(`no value: the meter gives ${excuse}`);
      else if (mine.shape === "date-time") expect(`${text}:00Z`, label).toBe(record.value);
      else if (/^\d{3,}$/.test(text)) expect(sixDecimals(text), label).toBe(record.value);
      else expect(text, label).toBe(record.value);
    }
  });

  /** The fixed structure: libmbus prints the counters without their unit, litres here. */
  function fixedText(record: DataRecord, index: number): string {
    expect([record.quantity, record.unit, record.exponent, record.storage]).toEqual([
      "volume",
      "m3",
      -3,
      index,
    ]);
    return record.value.kind === "whole" ? String(record.value.mantissa) : "";
  }

  it("uses every exception", () => {
    for (const label of Object.keys(wrongInSource)) {
      const [name = "", index] = label.split(" ");
      const telegram = read(readGolden<GoldenFrame>("mbus", "frames", name).frame_hex);
      if (typeof telegram !== "object") throw new Error(String(telegram));
      expect(telegram.records[Number(index)]?.value.kind).toBe("problem");
    }
  });

  it.each(names("error-frames"))("%s gives no value", (name) => {
    const { frame_hex, libmbus_decodes_to } = readGolden<GoldenError>("mbus", "error-frames", name);
    expect(libmbus_decodes_to?.records ?? []).toEqual([]);
    expect(read(frame_hex)).toMatch(/^(application-error|malformed)$/);
  });

  it.each(names("unsupported-frames"))("%s gives no value that libmbus does not", (name) => {
    const { frame_hex, libmbus_decodes_to } = readGolden<GoldenError>("mbus", "unsupported-frames", name);
    expect(libmbus_decodes_to).toBeNull();
    const found = read(frame_hex);
    if (typeof found === "object") expect(found.records).toEqual([]);
  });

  it.each(names("pymeterbus"))("%s: what pyMeterBus says", (name) => {
    const { frame_hex, asserts } = readGolden<GoldenAsserts>("mbus", "pymeterbus", name);
    const telegram = read(frame_hex);
    if (typeof telegram !== "object") throw new Error(String(telegram));
    const units: Readonly<Record<string, string>> = {
      '"none"': "",
      '"C"': "Cel",
      '"seconds"': "s",
      '"m^3"': "m3",
      '"m^3/h"': "m3/h",
    };
    for (const { record, attr, value } of asserts) {
      const mine = telegram.records[record];
      // Its record 12 is the mark that more records follow.
      if (value === "None") expect(mine).toBeUndefined();
      else if (!mine) throw new Error(`no record ${record}`);
      else if (attr === "unit")
        expect(mine.text ?? mine.unit).toBe(units[value] ?? value.replaceAll('"', ""));
      else if (mine.value.kind === "problem") {
        // pyMeterBus adds these digits up as if they were decimal ones.
        const digits = record === 7 ? "DDEBBD" : "DDDDEBBD";
        expect(`${name} ${mine.value.detail}`).toBe(`hyd.json the meter gives the digits ${digits}`);
      } else expect(Number(valueText(mine))).toBe(Number(value));
    }
  });
});

describe.skipIf(!goldenIsHere)("golden M-Bus frames on a bad line (needs ../shared/golden)", () => {
  const folders = ["frames", "error-frames", "pymeterbus"];
  const all = folders
    .flatMap((folder) => names(folder).map((name) => readGolden<GoldenError>("mbus", folder, name).frame_hex))
    .map(hexBytes);
  const one = fc.constantFrom(...(all.length > 0 ? all : [new Uint8Array()]));

  it("one flipped bit, any of them, and there is no telegram", () => {
    let flips = 0;
    for (const frame of all)
      for (let bit = 0; bit < 8 * frame.length; bit++) {
        const bad = frame.slice();
        bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        if (readStream([bad]).length > 0)
          throw new Error(`bit ${bit} of ${Buffer.from(frame).toString("hex")}`);
        flips++;
      }
    expect(flips).toBeGreaterThan(30_000);
  });

  it("any chunks, same telegrams", () => {
    fc.assert(
      fc.property(
        fc.array(one, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 40 })),
        (frames, cuts) => {
          const stream = Uint8Array.from(frames.flatMap((frame) => [...frame]));
          const chunks: Uint8Array[] = [];
          let from = 0;
          for (const cut of cuts) {
            chunks.push(stream.subarray(from, from + cut));
            from += cut;
          }
          chunks.push(stream.subarray(from));
          expect(readStream(chunks)).toEqual(readStream([stream]));
          expect(readStream(chunks).length).toBe(frames.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("garbage before and after, and the telegram is still found, in bounded memory", () => {
    // What looks like a whole frame by chance is one: such garbage says nothing about us.
    const garbage = fc.uint8Array({ maxLength: 700 }).filter((bytes) => readStream([bytes]).length === 0);
    fc.assert(
      fc.property(garbage, one, garbage, (before, frame, after) => {
        const found = readStream([before, frame, after]);
        expect(found).toContainEqual(readStream([frame])[0]);
      }),
      { numRuns: 300 },
    );
  });

  it("holds back less than one frame, whatever comes", () => {
    const deframer = new MbusDeframer();
    // The beginning of a longest frame, over and over.
    const start = Uint8Array.of(0x68, 0xff, 0xff, 0x68, 8, 1, 0x72);
    for (let round = 0; round < 1000; round++) deframer.push(start, 0);
    deframer.quiet(0);
    const { frames = 0, "skipped-bytes": skipped = 0 } = deframer.statistics;
    expect(frames).toBe(0);
    expect(skipped).toBe(7000);
    const [frame] = all;
    expect(frame && deframer.push(frame, 0).length).toBe(1);
  });
});

describe("bytes of anybody in a good frame", () => {
  it("give a telegram or an error of ours, and never more records than bytes", () => {
    const information = fc.constantFrom(0x72, 0x76, 0x7a, 0x7e, 0x78, 0x7c, 0x73, 0x77, 0x70, 0x71, 0x51);
    fc.assert(
      fc.property(information, fc.uint8Array({ maxLength: 252 }), (ci, data) => {
        const frame = encodeLong({ control: 8, address: 1, information: ci, data });
        expect(frame.length).toBeLessThanOrEqual(longestFrame);
        const [found] = new MbusDeframer().push(frame, 0);
        if (found?.kind !== "long") throw new Error("our own frame is lost");
        try {
          expect(decodeTelegram(found).records.length).toBeLessThanOrEqual(data.length);
        } catch (error) {
          expect(error).toBeInstanceOf(TransientError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

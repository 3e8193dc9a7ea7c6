import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LinkError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type { Reading } from "../../gateway/model/reading.ts";
import { toReadings } from "../../gateway/model/reading.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { objectsByCode } from "../../gateway/southbound/smart-meter/message.ts";
import { TelegramDeframer } from "../../gateway/southbound/smart-meter/p1/deframer.ts";
import { type CrcRule, decodeTelegram } from "../../gateway/southbound/smart-meter/p1/telegram.ts";
import { smartMeter } from "../../gateway/southbound/smart-meter/protocol.ts";
import { find } from "../../gateway/southbound/smart-meter/value.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { goldenIsHere, goldenPath, readGolden } from "./golden.ts";

interface Telegram {
  readonly file: string;
  readonly telegram: string;
  readonly ident: string;
  readonly crc: { readonly given: string; readonly computed: string; readonly valid: boolean } | null;
  readonly objects: readonly {
    readonly obis: string;
    readonly values: readonly { readonly value: string; readonly unit: string | null }[];
  }[];
}

/**
 * What the source's own splitting lost, and the telegram beside it shows: the reading of the gas meter
 * stands on a line of its own behind `0-1:24.3.0`, and belongs to it (DSMR P1 2.2, 5.2).
 */
const continued: Readonly<Record<string, readonly { value: string; unit: null }[]>> = {
  "v2_2.json 0-1:24.3.0": [{ value: "00001.001", unit: null }],
  "v3.json 0-1:24.3.0": [{ value: "00001.001", unit: null }],
};

const telegrams: readonly Telegram[] = goldenIsHere
  ? readdirSync(goldenPath("p1"))
      .filter((file) => file.endsWith(".json"))
      .map((file) => ({ ...readGolden<Omit<Telegram, "file">>("p1", file), file }))
  : [];
const checked = telegrams.filter(({ crc }) => crc !== null);
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const ruleOf = ({ crc }: Telegram): CrcRule => (crc ? "required" : "optional");

/** From `/` to the last digit behind `!`. */
const wholeOf = ({ telegram, crc }: Telegram) =>
  telegram.slice(0, telegram.lastIndexOf("!") + 1 + (crc?.given.length ?? 0));

function cut(bytes: Uint8Array, rule: CrcRule, sizes: readonly number[] = []): string[] {
  const deframer = new TelegramDeframer(rule);
  const found: string[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const chunk = bytes.slice(at, at + size);
    at += size;
    for (const frame of deframer.push(chunk)) found.push(Buffer.from(frame).toString("latin1"));
  }
  return found;
}

const context = {
  clock: new VirtualClock(),
  random: () => 0.5,
  log: silentLog,
  connect: async () => {
    throw new LinkError("a replay has no line", { code: "no-line" });
  },
  signal: new AbortController().signal,
};
const profiles = resolve(import.meta.dirname, "../../device-profiles");

/** Readings that a shipped profile makes of a telegram. */
async function throughProfile(id: string, rx: string): Promise<ReadonlyMap<string, Reading>> {
  const file = join(profiles, `${id}.yaml`);
  const { profile } = loadProfile(readFileSync(file, "utf8"), file, [smartMeter]);
  if (!profile) throw new Error(`${id} is not right`);
  const readings = new Map<string, Reading>();
  await using driver = await smartMeter.replay(
    { rx },
    {
      ...context,
      emit: async (device, results) => {
        for (const result of results)
          if ("raw" in result)
            for (const reading of toReadings(device, result.point, result.raw, result.at))
              readings.set(reading.name, reading);
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

describe.skipIf(!goldenIsHere)("golden P1 telegrams (needs ../shared/golden)", () => {
  it("are there", () => {
    expect(telegrams.length).toBe(9);
    expect(checked.length).toBe(5);
  });

  it.each(telegrams)("$file: every object of it, with every value", (golden) => {
    const { ident, objects } = decodeTelegram(golden.telegram, { crc: ruleOf(golden) });
    expect(`/${ident}`).toBe(golden.ident);
    const wanted = golden.objects.map(({ obis, values }) => ({
      obis: obis.replace(/\*255$/, ""),
      values: [...values, ...(continued[`${golden.file} ${obis}`] ?? [])],
    }));
    const got = objects.map(({ obis, values }) => ({
      obis,
      values: values.map((value) =>
        value.kind === "text" ? { value: value.text, unit: value.unit ?? null } : value,
      ),
    }));
    expect(got).toEqual(wanted);
  });

  it.each(telegrams)("$file: cut out of the stream as it stands", (golden) => {
    expect(cut(bytesOf(`${golden.telegram}\r\n`), ruleOf(golden))).toEqual([wholeOf(golden)]);
  });

  // The set's description speaks of a telegram with a wrong checksum that is not among its files.
  it.each(checked)("$file: refused with any other checksum, unless the profile says crc: none", (golden) => {
    const digits = golden.crc!.given.length;
    const body = wholeOf(golden).slice(0, -digits);
    for (const wrong of ["0000", "FFFF", "123"]) {
      expect(() => decodeTelegram(`${body}${wrong}\r\n`)).toThrow(/checksum/);
      expect(() => decodeTelegram(`${body}${wrong}\r\n`, { crc: "optional" })).toThrow(/checksum/);
      expect(cut(bytesOf(`${body}${wrong}\r\n`), "required")).toEqual([]);
      expect(cut(bytesOf(`${body}${wrong}\r\n`), "optional")).toEqual([]);
      expect(decodeTelegram(`${body}${wrong}\r\n`, { crc: "none" }).objects.length).toBe(
        golden.objects.length,
      );
    }
    expect(() => decodeTelegram(`${body}\r\n`)).toThrow(/no checksum/);
    expect(cut(bytesOf(`${body}\r\n`), "required")).toEqual([]);
  });

  it.each(checked)("$file: one flipped bit never gives another value", (golden) => {
    const bytes = bytesOf(golden.telegram);
    const good = JSON.stringify(decodeTelegram(bytes).objects);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      for (const rule of ["required", "optional"] as const)
        for (const frame of cut(damaged, rule))
          expect(JSON.stringify(decodeTelegram(frame, { crc: rule }).objects)).toBe(good);
    }
  });

  it("gives the same in any chunks, between any garbage, and finds the next good one", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .string({ unit: fc.constantFrom("/", "!", "\r", "\n", "A", "1", "(", ")"), maxLength: 80 })
        .map(bytesOf),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...checked),
        fc.constantFrom(...checked),
        garbage,
        garbage,
        fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 60 }),
        (first, second, before, between, sizes) => {
          const stream = Buffer.concat([
            before,
            bytesOf(first.telegram),
            between,
            bytesOf(`${wholeOf(second)}\r\n`),
          ]);
          expect(cut(stream, "required", sizes)).toEqual([wholeOf(first), wholeOf(second)]);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("reads Swedish meters through the shipped profiles", async () => {
    const { telegram } = telegrams.find(({ file }) => file.startsWith("se_a"))!;
    for (const id of ["swedish-grid/p1-meter", "landis-gyr/e360"]) {
      const readings = await throughProfile(id, telegram);
      const value = (name: string) => readings.get(name)?.value;
      expect(value("energy_import")).toBe(896.02);
      expect(value("energy_export")).toBe(48.792);
      expect(value("reactive_energy_import")).toBe(518.309);
      expect(value("reactive_energy_export")).toBe(23.732);
      expect(value("power_import")).toBe(0);
      expect(value("power_export")).toBe(0.02);
      expect(value("power_export_l2")).toBe(0.071);
      expect(value("power_import_l3")).toBe(0.063);
      expect(value("reactive_power_export_l2")).toBe(0.135);
      expect(value("voltage_l2")).toBe(232.2);
      expect(value("current_l3")).toBe(0.3);
      expect(value("meter_time")).toBe("2021-02-22T15:19:00Z");
      expect(readings.size).toBe(27);
    }
  });

  it.each(telegrams)("$file: every number through an address of a profile, in its unit", (golden) => {
    const message = decodeTelegram(golden.telegram, { crc: ruleOf(golden) });
    const objects = objectsByCode(message);
    const look = (at: Record<string, unknown>) =>
      find(message, objects, smartMeter.address.parse(at), { standardTime: 60 });
    let numbers = 0;
    for (const { obis, values } of golden.objects)
      for (const [index, { value, unit }] of values.entries()) {
        if (unit === null || !/\d/.test(value)) continue;
        numbers += 1;
        const symbol = unit.replace("VAr", "var");
        expect(look({ obis, value: index, in: symbol }), obis).toEqual({ raw: Number(value) });
        expect(look({ obis, value: index, in: "lx" })).toMatchObject({ problem: "config-error" });
      }
    expect(numbers).toBeGreaterThan(0);
  });

  it("reads a list of peaks, each with the time of its month", () => {
    const golden = telegrams.find(({ file }) => file.startsWith("fluvius"))!;
    const message = decodeTelegram(golden.telegram);
    const objects = objectsByCode(message);
    const peak = (month: number) =>
      find(
        message,
        objects,
        smartMeter.address.parse({
          obis: "0-0:98.1.0",
          value: 5 + 3 * month,
          time: 4 + 3 * month,
          in: "kW",
          optional: true,
        }),
        { standardTime: 60 },
      );
    expect([0, 1, 2].map(peak)).toEqual([
      { raw: 3.695, time: Date.UTC(2020, 3, 23, 17, 25, 38) },
      // The meter writes S in March, before summer time: its letter counts, not the calendar.
      { raw: 5.98, time: Date.UTC(2020, 2, 5, 10, 21, 39) },
      { raw: 4.318, time: Date.UTC(2020, 1, 10, 2, 54, 21) },
    ]);
    expect(peak(3)).toMatchObject({ problem: "sentinel" });
  });

  it("reads a Dutch meter and its gas meter through the shipped profile", async () => {
    const { telegram } = telegrams.find(({ file }) => file === "v5.json")!;
    const readings = await throughProfile("dsmr/p1-v5", telegram);
    expect(readings.get("energy_import_t1")?.value).toBe(4.426);
    expect(readings.get("power_import")?.value).toBe(0.244);
    expect(readings.get("current_l1")?.value).toBe(0.48);
    expect(readings.get("equipment_id")?.value).toBe("K8EG004046395507");
    expect(readings.get("gas_volume")).toMatchObject({
      value: 0.107,
      time: { base: "unix", ms: Date.UTC(2017, 0, 2, 15, 10, 5) },
    });
  });

  it("reads older Dutch meters through the shipped profiles", async () => {
    const through = (id: string, name: string) =>
      throughProfile(id, telegrams.find(({ file }) => file === name)!.telegram);
    const v4 = await through("dsmr/p1-v5", "v4_2.json");
    expect(v4.get("energy_import_t1")?.value).toBe(1581.123);
    expect(v4.get("power_import_l2")?.value).toBe(1.247);
    expect(v4.get("current_l2")?.value).toBe(6);
    expect(v4.get("last_long_failure")).toMatchObject({
      value: 237_126,
      time: { base: "unix", ms: Date.UTC(2000, 0, 4, 17, 3, 20) },
    });
    expect(v4.get("gas_volume")?.value).toBe(981.443);
    expect(v4.has("voltage_l1")).toBe(false);
    const v3 = await through("dsmr/p1-v3", "v3.json");
    expect(v3.get("equipment_id")?.value).toBe("K8EG004046395507");
    expect(v3.get("power_import")?.value).toBe(1.19);
    expect(v3.get("gas_volume")?.value).toBe(1.001);
    const v2 = await through("dsmr/p1-v3", "v2_2.json");
    expect(v2.get("energy_export_t2")?.value).toBe(1.001);
    expect(v2.get("power_import")?.value).toBe(1.01);
    expect(v2.get("gas_volume")?.value).toBe(1.001);
    expect(v2.get("gas_valve")?.value).toBe("open");
    expect(v2.get("switch")?.value).toBe("connected");
  });
});

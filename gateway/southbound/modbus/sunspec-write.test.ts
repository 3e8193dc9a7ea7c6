import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UnsupportedPointError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import { sunspecPlace } from "./sunspec-address.ts";
import { type ReadHolding, SunspecUnit } from "./sunspec-read.ts";
import { placeSunspecWrite } from "./sunspec-write.ts";

/** A unit with model 1 (two registers here), then 123 (immediate controls), at 40000. */
function unitWith(registers: Readonly<Record<number, number>> = {}) {
  const image = new Map<number, number>([
    [40_000, 0x5375],
    [40_001, 0x6e53],
    [40_002, 1],
    [40_003, 2],
    [40_004, 0],
    [40_005, 0],
    [40_006, 123],
    [40_007, 24],
    ...Array.from({ length: 24 }, (_, index) => [40_008 + index, 0] as const),
    [40_032, 0xffff],
    [40_033, 0],
    ...Object.entries(registers).map(([at, value]) => [Number(at), value] as const),
  ]);
  const asked: number[] = [];
  const read: ReadHolding = async (start, count) => {
    asked.push(start);
    const words = Array.from({ length: count }, (_, index) => image.get(start + index));
    if (words.some((word) => word === undefined))
      throw new UnsupportedPointError("nothing there", { code: "exception-2" });
    const data = Buffer.from(words.flatMap((word = 0) => [word >> 8, word & 0xff]));
    return { data, at: { base: "boot", ms: 0 } };
  };
  return { image, read, asked, unit: new SunspecUnit() };
}

// Model 123, points from its ID on: WMaxLimPct 5, WMaxLim_Ena 9, WMaxLimPct_SF 23.
const limit = sunspecPlace({ model: 123, point: "WMaxLimPct" });
const scaleAt = 40_006 + (limit.scaleAt ?? 0);
const write = ({ unit, read }: ReturnType<typeof unitWith>, place: typeof limit, raw: RawValue) =>
  placeSunspecWrite(unit, place, raw, read);

describe("a write to a point of a SunSpec model", () => {
  it("goes to where the device has it, in the steps that the device has", async () => {
    const device = unitWith({ [scaleAt]: 0xfffe });
    expect(await write(device, limit, 50.5)).toEqual({
      start: 40_006 + limit.start,
      registers: Uint8Array.of(5050 >> 8, 5050 & 0xff),
    });
    const walked = device.asked.length;
    expect((await write(device, limit, 0)).registers).toEqual(Uint8Array.of(0, 0));
    // The models are known by then; where this one is, and its scale, are asked anew.
    expect(device.asked.length - walked).toBe(2);
  });

  it("gives back what a read would show, for every scale factor", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -4, max: 4 }),
        fc.integer({ min: 0, max: 0xfffe }),
        async (power, raw) => {
          const device = unitWith({ [scaleAt]: power & 0xffff });
          const shown = Number(`${raw}e${power}`);
          const { registers } = await write(device, limit, shown);
          expect(Buffer.from(registers).readUInt16BE()).toBe(raw);
        },
      ),
    );
  });

  it.each([
    [{ [scaleAt]: 0 }, 50.5, "not-an-integer"],
    [{ [scaleAt]: 0xfffe }, 50.555, "not-an-integer"],
    [{ [scaleAt]: 0xfffe }, 700, "does-not-fit"],
    [{ [scaleAt]: 0 }, -1, "does-not-fit"],
    [{ [scaleAt]: 0 }, 65_535, "sentinel"],
    [{ [scaleAt]: 0x8000 }, 50, "no-scale"],
    [{ [scaleAt]: 40 }, 50, "no-scale"],
    [{ [scaleAt]: 0 }, Number.NaN, "does-not-fit"],
  ])("says what cannot be told: %j <- %s", async (registers, raw, code) => {
    await expect(write(unitWith(registers), limit, raw)).rejects.toMatchObject({ name: "ValueError", code });
  });

  it("is not sent to a device whose models have moved, nor to one without", async () => {
    const device = unitWith();
    await write(device, limit, 1);
    device.image.set(40_006, 124);
    await expect(write(device, limit, 1)).rejects.toMatchObject({ code: "sunspec-moved" });
    await expect(write(device, limit, 1)).rejects.toMatchObject({ code: "no-model" });
    await expect(write(unitWith({ 40000: 0 }), limit, 1)).rejects.toMatchObject({ code: "no-sunspec" });
    await expect(write(unitWith({ 40007: 3 }), limit, 1)).rejects.toMatchObject({ code: "no-point" });
  });

  it("writes labels and switches as they are", async () => {
    const enable = sunspecPlace({ model: 123, point: "WMaxLim_Ena" });
    expect((await write(unitWith(), enable, 1)).registers).toEqual(Uint8Array.of(0, 1));
    expect((await write(unitWith(), enable, 0)).registers).toEqual(Uint8Array.of(0, 0));
  });
});

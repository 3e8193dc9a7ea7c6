import { compileWriter, ValueError } from "../../codec/numbers.ts";
import { narrow, rational } from "../../model/decimal.ts";
import { UnsupportedPointError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import { largestPower, type ReadHolding, type SunspecUnit } from "./sunspec-read.ts";
import { type SunspecPlace, typeRow } from "./sunspec-table.ts";

/** Registers to write, and where. */
export interface PlacedRegisters {
  /** Wire address. */
  readonly start: number;
  readonly registers: Uint8Array;
}

/**
 * What to write where for one point of a SunSpec model: the model is looked for where nobody knows it
 * yet, and its header, scale factor and group counts are read anew. `raw` is the scaled value, as a read
 * gives it; one that the device's scale factor cannot say is refused, as nobody could tell what it became.
 *
 * Rejects with what `read` rejects with, UnsupportedPointError (`no-sunspec`, `no-model`, `no-point`),
 * TransientError (`sunspec-moved`), or ValueError (`does-not-fit`, `not-an-integer`, `no-scale`,
 * `sentinel`, and those of the codec). Nothing has been written then.
 */
export async function placeSunspecWrite(
  unit: SunspecUnit,
  place: SunspecPlace,
  raw: RawValue,
  read: ReadHolding,
): Promise<PlacedRegisters> {
  const base = await unit.locate(place, read);
  for (const { at, name, least } of place.guards) {
    const count = await wordAt(read, base + at);
    if (count === 0xffff || count < least)
      throw new UnsupportedPointError(`${place.name} is not there: ${name} is ${count}`, {
        code: "no-point",
      });
  }
  const scale = place.scaleAt === undefined ? undefined : await wordAt(read, base + place.scaleAt);
  return { start: base + place.start, registers: encode(place, unscaled(place, raw, scale)) };
}

async function wordAt(read: ReadHolding, address: number): Promise<number> {
  const { data } = await read(address, 1);
  return ((data[0] ?? 0) << 8) | (data[1] ?? 0);
}

function encode(place: SunspecPlace, raw: RawValue): Uint8Array {
  const { codec, isAbsent } = typeRow(place.type);
  if (isAbsent(raw) && place.type !== "string")
    throw new ValueError(`${String(raw)} means "not implemented" in a ${place.type}`, { code: "sentinel" });
  const length = place.type === "string" ? 2 * place.registers : undefined;
  return compileWriter({ type: codec, cells: "registers", order: "ABCD", length })(raw);
}

/** raw / 10^power as a whole number, exactly. */
function unscaled(place: SunspecPlace, raw: RawValue, register: number | undefined): RawValue {
  if (place.scaleAt === undefined || (typeof raw !== "number" && typeof raw !== "bigint")) return raw;
  const power = register !== undefined && register >= 0x8000 ? register - 0x10000 : (register ?? 0);
  if (Math.abs(power) > largestPower)
    throw new ValueError(`the scale factor of ${place.name} is ${power}: not to be believed`, {
      code: "no-scale",
    });
  if (typeof raw === "number" && !Number.isFinite(raw))
    throw new ValueError(`${place.name} cannot be ${raw}`, { code: "does-not-fit" });
  const { numerator, denominator } = rational(raw);
  const top = power < 0 ? numerator * 10n ** BigInt(-power) : numerator;
  const bottom = power < 0 ? denominator : denominator * 10n ** BigInt(power);
  if (top % bottom !== 0n)
    throw new ValueError(`this device holds ${place.name} in steps of 10^${power}: ${raw} is none`, {
      code: "not-an-integer",
      hint: "give the write rule a step that every device has",
    });
  return narrow(top / bottom);
}

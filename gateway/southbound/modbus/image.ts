import { compileWriter } from "../../codec/numbers.ts";
import { linear } from "../../model/decimal.ts";
import type { DeviceProfile, Point } from "../../model/device.ts";
import type { RawValue } from "../../model/value.ts";
import {
  isBitTable,
  layoutOf,
  type ModbusAddress,
  type ModbusHead,
  type Table,
  wireSpan,
} from "./settings.ts";

/** Registers as 16-bit words, bits as 0 and 1, by wire address. */
export type RegisterImage = ReadonlyMap<Table, ReadonlyMap<number, number>>;

/**
 * The registers of a device whose points have these raw values; other halves and bits of a register
 * keep what `before` says. Points without a value are left out. Throws ValueError for a value that
 * does not fit its place. Points of SunSpec models have no fixed place, and are left out too.
 */
export function registerImage(
  profile: DeviceProfile<ModbusAddress, ModbusHead>,
  raws: ReadonlyMap<Point<ModbusAddress>, RawValue>,
  before: RegisterImage = new Map(),
): RegisterImage {
  const { addressing, order } = profile.protocolSettings;
  const image = new Map(Array.from(before, ([table, words]) => [table, new Map(words)] as const));
  for (const [point, raw] of raws) {
    const { address } = point;
    if (address.sunspec) continue;
    const { table, start, count } = wireSpan(address, addressing);
    let words = image.get(table);
    if (!words) {
      words = new Map();
      image.set(table, words);
    }
    if (isBitTable(table)) {
      words.set(start, raw === true || raw === 1 ? 1 : 0);
      continue;
    }
    const current = new Uint8Array(2 * count);
    for (let index = 0; index < count; index++) {
      const word = words.get(start + index) ?? 0;
      current[2 * index] = word >> 8;
      current[2 * index + 1] = word & 0xff;
    }
    const bytes = compileWriter(layoutOf(address, order))(raw, current);
    for (let index = 0; index < count; index++)
      words.set(start + index, ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  }
  return image;
}

/** The raw value whose scaled value is nearest to `value`. */
export function nearestRaw(point: Point, value: number, integer: boolean): number {
  const zero = Number(linear(point.scale, point.offset)(0));
  const slope = Number(linear(point.scale, point.offset)(1)) - zero;
  const raw = (value - zero) / slope;
  return integer ? Math.round(raw) : raw;
}

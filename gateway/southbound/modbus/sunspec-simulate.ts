import { compileWriter } from "../../codec/numbers.ts";
import type { DeviceProfile, Point } from "../../model/device.ts";
import { GatewayError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import type { ModbusAddress, ModbusHead } from "./settings.ts";
import { type SunspecPlace, standardBases, typeRow } from "./sunspec-table.ts";

/** Holding registers by wire address. */
type Words = ReadonlyMap<number, number>;

/**
 * A SunSpec map with these raw values (already scaled, as the driver gives them) put into it. What
 * the map does not have, or what does not fit beside its scale factor, is left as it is.
 */
export function sunspecImage(
  { protocolSettings }: DeviceProfile<ModbusAddress, ModbusHead>,
  map: Words,
  raws: ReadonlyMap<Point<ModbusAddress>, RawValue>,
): Words {
  const models = modelsIn(map, protocolSettings.sunspecBases ?? standardBases);
  const words = new Map(map);
  for (const [{ address }, raw] of raws) {
    const place = address.sunspec;
    const base = place && models.filter(({ id }) => id === place.model)[place.instance - 1]?.at;
    if (!place || base === undefined || !words.has(base + place.start + place.registers - 1)) continue;
    const bytes = bytesOf(
      place,
      raw,
      place.scaleAt === undefined ? undefined : words.get(base + place.scaleAt),
    );
    for (let index = 0; bytes && index < place.registers; index++)
      words.set(base + place.start + index, ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  }
  return words;
}

function modelsIn(map: Words, bases: readonly number[]): { readonly id: number; readonly at: number }[] {
  const base = bases.find((at) => map.get(at) === 0x5375 && map.get(at + 1) === 0x6e53);
  const models: { id: number; at: number }[] = [];
  for (let at = (base ?? 0x10000) + 2; at < 0x10000; ) {
    const id = map.get(at);
    const length = map.get(at + 1);
    if (id === undefined || length === undefined || id === 0xffff) break;
    models.push({ id, at });
    at += 2 + length;
  }
  return models;
}

function bytesOf(place: SunspecPlace, raw: RawValue, scale: number | undefined): Uint8Array | undefined {
  const { type, registers } = place;
  const power = scale === undefined || scale < 0x8000 ? scale : scale - 0x10000;
  const plain = power === undefined || typeof raw !== "number" ? raw : Math.round(raw / 10 ** power);
  const length = type === "string" ? 2 * registers : undefined;
  try {
    return compileWriter({ type: typeRow(type).codec, cells: "registers", order: "ABCD", length })(plain);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return undefined;
  }
}

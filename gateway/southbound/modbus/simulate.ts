import { type DeviceProfile, type Point, toldPoints } from "../../model/device.ts";
import { provingValue } from "../../model/identify.ts";
import type { RawValue, Value } from "../../model/value.ts";
import type { SimulatedDevice, SimulationInput, Specimen } from "../protocol.ts";
import { nearestRaw, type RegisterImage, registerImage } from "./image.ts";
import { decodeTcp, encodeTcp } from "./mbap.ts";
import { kindOf } from "./raw-kind.ts";
import { holdingImage } from "./replay.ts";
import { decodeRtu, encodeRtu } from "./rtu.ts";
import { givenSchema } from "./schema.ts";
import type { ModbusAddress, ModbusConnection, ModbusDevice, ModbusHead, Table } from "./settings.ts";
import { sunspecImage } from "./sunspec-simulate.ts";

type Profile = DeviceProfile<ModbusAddress, ModbusHead>;

/**
 * A Modbus unit (RTU or TCP) whose registers hold what `specimen` says; written registers keep what
 * was written. Its SunSpec models, if the profile has such points, are those of the first example.
 */
export function simulateModbus(
  profile: Profile,
  { given, specimen, settings, connection }: SimulationInput<ModbusConnection, ModbusDevice>,
): SimulatedDevice {
  const { unit } = settings;
  const { framing } = connection;
  const models = profile.points.some(({ address }) => address.sunspec)
    ? holdingImage(givenSchema.parse(given[0] ?? {}), profile.protocolSettings)
    : undefined;
  const written = new Map<Table, Map<number, number>>();
  const word = (image: RegisterImage, table: Table, address: number): number =>
    written.get(table)?.get(address) ?? image.get(table)?.get(address) ?? 0;
  const put = (table: Table, address: number, value: number): void => {
    let words = written.get(table);
    if (!words) {
      words = new Map();
      written.set(table, words);
    }
    words.set(address & 0xffff, value);
  };
  const reply = (pdu: Uint8Array, seconds: number): Uint8Array => {
    const raws = rawValues(profile, specimen, seconds);
    const image = new Map(registerImage(profile, raws));
    if (models)
      image.set(
        "holding",
        new Map([...sunspecImage(profile, models, raws), ...(image.get("holding") ?? [])]),
      );
    return answer(pdu, image, word, put);
  };
  return {
    answer(bytes, seconds) {
      if (framing === "tcp") {
        const frame = decodeTcp(bytes);
        return frame?.unit === unit
          ? encodeTcp(frame.transaction, unit, reply(frame.pdu, seconds))
          : undefined;
      }
      const frame = decodeRtu(bytes);
      return frame?.unit === unit ? encodeRtu(unit, reply(frame.pdu, seconds)) : undefined;
    },
  };
}

/** Values of points as raw values; what does not fit its register is left out, and reads as 0. */
function rawValues(
  profile: Profile,
  specimen: Specimen,
  seconds: number,
): Map<Point<ModbusAddress>, RawValue> {
  const raws = new Map<Point<ModbusAddress>, RawValue>();
  const proofs = new Map(profile.identify?.map(({ point, test }) => [point, provingValue(test)]));
  for (const point of toldPoints(profile)) {
    const raw = profile.points.includes(point) ? rawOf(point, specimen, seconds) : proofs.get(point.name);
    if (raw === undefined) continue;
    try {
      registerImage(profile, new Map([[point, raw]]));
      raws.set(point, raw);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
  return raws;
}

function rawOf(point: Point<ModbusAddress>, specimen: Specimen, seconds: number): RawValue | undefined {
  if (point.bits) {
    let word = 0;
    for (const [bit, name] of point.bits)
      if (specimen(point, seconds, `${point.name}/${name}`) === true) word += 2 ** bit;
    return word;
  }
  const value: Value | undefined = specimen(point, seconds, point.name);
  if (point.labels) {
    for (const [raw, label] of point.labels) if (label.en === value) return raw;
    return undefined;
  }
  if (typeof value !== "number" && typeof value !== "bigint") return value;
  return nearestRaw(point, Number(value), kindOf(point.address) === "integer");
}

const tables: Readonly<Record<number, Table>> = {
  1: "coil",
  2: "discrete",
  3: "holding",
  4: "input",
  5: "coil",
  6: "holding",
  15: "coil",
  16: "holding",
};

/** The answer to one request (Application Protocol V1.1b3, section 6). */
function answer(
  pdu: Uint8Array,
  image: RegisterImage,
  word: (image: RegisterImage, table: Table, address: number) => number,
  put: (table: Table, address: number, value: number) => void,
): Uint8Array {
  const code = pdu[0] ?? 0;
  const table = tables[code];
  if (!table || pdu.length < 5) return Uint8Array.of(code | 0x80, 1);
  const at = (place: number): number => ((pdu[place] ?? 0) << 8) | (pdu[place + 1] ?? 0);
  const start = at(1);
  const count = at(3);
  if (code === 5 || code === 6) {
    put(table, start, code === 5 ? (count === 0xff00 ? 1 : 0) : count);
    return pdu.slice(0, 5);
  }
  if (count < 1 || start + count > 0x10000 || count > (code <= 2 || code === 15 ? 2000 : 125))
    return Uint8Array.of(code | 0x80, 3);
  if (code === 15 || code === 16) {
    for (let index = 0; index < count; index++)
      put(
        table,
        start + index,
        code === 16 ? at(6 + 2 * index) : ((pdu[6 + (index >> 3)] ?? 0) >> (index & 7)) & 1,
      );
    return pdu.slice(0, 5);
  }
  const bits = code <= 2;
  const reply = new Uint8Array(2 + (bits ? Math.ceil(count / 8) : 2 * count));
  reply[0] = code;
  reply[1] = reply.length - 2;
  for (let index = 0; index < count; index++) {
    const value = word(image, table, start + index);
    if (bits) reply[2 + (index >> 3)] = (reply[2 + (index >> 3)] ?? 0) | ((value & 1) << (index & 7));
    else {
      reply[2 + 2 * index] = value >> 8;
      reply[3 + 2 * index] = value & 0xff;
    }
  }
  return reply;
}

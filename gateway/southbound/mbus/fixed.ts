import { decodeData, hexDigits } from "./data.ts";
import { type DataRecord, malformed } from "./records.ts";
import type { Telegram } from "./telegram.ts";
import { unknownInfo, type ValueInfo } from "./vif.ts";

// The fixed data structure of old meters: two counters (EN 1434-3).

const fixedLength = 16;
/** Both counters are of one quantity and the second is a stored one. */
const historic = 0x3e;

function series(first: number, quantity: string, unit: string, exponent: number, count: number) {
  return Array.from({ length: count }, (_, index): [number, ValueInfo] => [
    first + index,
    { quantity, unit, exponent: exponent + index, factor: 1, shape: "number" },
  ]);
}

const units: ReadonlyMap<number, ValueInfo> = new Map([
  ...series(0x02, "energy", "Wh", 0, 9),
  ...series(0x0b, "energy", "J", 3, 9),
  ...series(0x14, "power", "W", 0, 9),
  ...series(0x1d, "power", "J/h", 3, 9),
  ...series(0x26, "volume", "m3", -6, 9),
  ...series(0x2f, "volume-flow", "m3/h", -6, 9),
  [0x38, { quantity: "temperature", unit: "Cel", exponent: -3, factor: 1, shape: "number" }],
  [0x39, { quantity: "heat-cost-allocation", unit: "count", exponent: 0, factor: 1, shape: "number" }],
  [0x3f, { quantity: "dimensionless", unit: "", exponent: 0, factor: 1, shape: "number" }],
]);

/** Throws TransientError `malformed`. */
export function decodeFixed(data: Uint8Array, swapped: boolean): Telegram {
  if (data.length !== fixedLength) throw malformed(`${data.length} bytes of a fixed structure`);
  const field = (from: number) => {
    const bytes = data.subarray(from, from + 4);
    return swapped ? bytes.toReversed() : bytes;
  };
  const status = data[5] ?? 0;
  const first = (data[6] ?? 0) & 0x3f;
  const second = (data[7] ?? 0) & 0x3f;
  const medium = ((data[6] ?? 0) >> 6) | (((data[7] ?? 0) >> 6) << 2);
  const stored = (status & 2) !== 0 ? 1 : 0;
  const binary = (status & 1) !== 0;
  return {
    header: { id: hexDigits(field(0), 0, 4), access: data[4] ?? 0, status: status & 0xfc, medium },
    records: [
      counter(field(8), binary, first, stored),
      counter(field(12), binary, second === historic ? first : second, second === historic ? 1 : stored),
    ],
    more: false,
  };
}

function counter(bytes: Uint8Array, binary: boolean, unit: number, storage: number): DataRecord {
  const { quantity, unit: symbol, factor, exponent, shape } = units.get(unit) ?? unknownInfo;
  return {
    head: new Uint8Array(0),
    function: "instantaneous",
    storage,
    tariff: 0,
    subunit: 0,
    quantity,
    unit: symbol,
    factor,
    exponent,
    shape,
    modifiers: [],
    value: decodeData(binary ? 0x4 : 0xc, bytes, 0, 4, "flags"),
  };
}

import { compileReader, type Layout, type Reader } from "../../codec/numbers.ts";
import type { Instant } from "../../model/clock.ts";
import type { Point } from "../../model/device.ts";
import { GatewayError } from "../../model/errors.ts";
import type { PointResult } from "../protocol.ts";
import {
  isBitTable,
  layoutOf,
  type ModbusAddress,
  type ModbusHead,
  type ModbusRequest,
  wireSpan,
} from "./settings.ts";

interface Slot {
  readonly point: Point<ModbusAddress>;
  /** Of the first byte in the answer's data; bit tables: of the bit. */
  readonly offset: number;
  /** Undefined in bit tables. */
  readonly read: Reader | undefined;
}

const compiled = new WeakMap<ModbusRequest, readonly Slot[]>();

/** Where each point of a request lies in the answer's data, and how it is read; worked out once per request. */
function slotsOf(request: ModbusRequest, head: ModbusHead): readonly Slot[] {
  const known = compiled.get(request);
  if (known) return known;
  const bits = isBitTable(request.table);
  const readers = new Map<string, Reader>();
  const slots = request.points.map((point): Slot => {
    const distance = wireSpan(point.address, head.addressing).start - request.start;
    return {
      point,
      offset: bits ? distance : 2 * distance,
      read: bits ? undefined : readerOf(layoutOf(point.address, head.order), readers),
    };
  });
  compiled.set(request, slots);
  return slots;
}

/** One reader for all that is laid out alike: less memory, and code that the engine can keep hot. */
function readerOf(layout: Layout, readers: Map<string, Reader>): Reader {
  const key = JSON.stringify(layout);
  let reader = readers.get(key);
  if (!reader) {
    reader = compileReader(layout);
    readers.set(key, reader);
  }
  return reader;
}

/**
 * The raw values in `data`, the data bytes of a whole answer to `request` (registers most significant
 * byte first, bits least significant first), which begin at `from`. Throws ConfigError for an address
 * that the profile check would have refused.
 */
export function decodeAnswer(
  request: ModbusRequest,
  head: ModbusHead,
  data: Uint8Array,
  from: number,
  at: Instant,
): PointResult<ModbusAddress>[] {
  const results: PointResult<ModbusAddress>[] = [];
  for (const { point, offset, read } of slotsOf(request, head)) {
    if (!read) {
      const byte = data[from + (offset >> 3)];
      results.push(
        byte === undefined
          ? { point, at, problem: "config-error", detail: "the answer ends before this bit" }
          : { point, at, raw: ((byte >> (offset & 7)) & 1) === 1 },
      );
      continue;
    }
    try {
      results.push({ point, at, raw: read(data, from + offset) });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      results.push({ point, at, problem: "config-error", detail: error.message });
    }
  }
  return results;
}

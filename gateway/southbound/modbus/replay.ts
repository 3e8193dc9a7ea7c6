import { hexBytes } from "../../codec/hex.ts";
import type { Device } from "../../model/device.ts";
import { ConfigError, UnsupportedPointError } from "../../model/errors.ts";
import type { PointResult, ReadRequest, SouthboundContext } from "../protocol.ts";
import { exceptionError } from "./client.ts";
import { decodeAnswer } from "./decode.ts";
import { asModbus, type ModbusDriver } from "./driver.ts";
import { decodeRtu } from "./rtu.ts";
import type { ModbusGiven } from "./schema.ts";
import {
  isBitTable,
  type ModbusAddress,
  type ModbusDevice,
  type ModbusHead,
  type ModbusRequest,
  type Table,
  tables,
  toWire,
  wireSpan,
} from "./settings.ts";
import { isSunspec } from "./sunspec-plan.ts";
import { SunspecUnit } from "./sunspec-read.ts";

/** What stands at each wire address of a table: a register's 16 bits, or 0 and 1. */
type Image = ReadonlyMap<number, number>;
interface Refusal {
  readonly table: Table;
  readonly start: number;
  readonly count: number;
  readonly exception: number;
}
interface Memory {
  readonly images: Readonly<Record<Table, Image>>;
  readonly refusals: readonly Refusal[];
}

/**
 * A driver that answers from what an example gives. Registers that are not given are not zero: a
 * point that needs one has the problem `config-error`. Throws ConfigError for a damaged dialogue.
 */
export function replayModbus(given: ModbusGiven, context: SouthboundContext): ModbusDriver {
  let memory: Memory | undefined;
  let sunspec: SunspecUnit | undefined;
  const lost = new AbortController();
  const statistics = { requests: 0 };
  return {
    concurrency: 1,
    lost: lost.signal,
    statistics,
    async read(
      device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
      request: ReadRequest<ModbusAddress>,
      signal: AbortSignal,
    ): Promise<PointResult<ModbusAddress>[]> {
      signal.throwIfAborted();
      lost.signal.throwIfAborted();
      statistics.requests++;
      const head = device.profile.protocolSettings;
      memory ??= remember(given, head);
      if (isSunspec(request)) {
        const known = memory;
        sunspec ??= new SunspecUnit(head.sunspecBases);
        return sunspec.read(request, async (start, count) => ({
          data: holdingOf(known, start, count),
          at: context.clock.stamp(),
        }));
      }
      return answer(memory, asModbus(request), device.settings.unit, head, context);
    },
    async [Symbol.asyncDispose]() {
      lost.abort(new ConfigError("the replay is over", { code: "closed" }));
    },
  };
}

/** Holding registers as a device with a SunSpec map gives them: what is not given is refused. */
function holdingOf({ images }: Memory, start: number, count: number): Uint8Array {
  const data = new Uint8Array(2 * count);
  for (let index = 0; index < count; index++) {
    const value = images.holding.get(start + index);
    if (value === undefined)
      throw new UnsupportedPointError(`the example gives no holding ${start + index} (on the wire)`, {
        code: "exception-2",
      });
    data[2 * index] = value >>> 8;
    data[2 * index + 1] = value & 0xff;
  }
  return data;
}

function answer(
  { images, refusals }: Memory,
  read: ModbusRequest,
  unit: number,
  head: ModbusHead,
  { clock }: SouthboundContext,
): PointResult<ModbusAddress>[] {
  const { table, start, count } = read;
  const refused = refusals.find(
    (range) => range.table === table && range.start < start + count && start < range.start + range.count,
  );
  if (refused) throw exceptionError(unit, refused.exception);
  const image = images[table];
  const bits = isBitTable(table);
  const data = new Uint8Array(bits ? Math.ceil(count / 8) : 2 * count);
  for (let index = 0; index < count; index++) {
    const value = image.get(start + index) ?? 0;
    if (bits) data[index >> 3] = (data[index >> 3] ?? 0) | (value << (index & 7));
    else {
      data[2 * index] = value >>> 8;
      data[2 * index + 1] = value & 0xff;
    }
  }
  const at = clock.stamp();
  return decodeAnswer(read, head, data, 0, at).map((result) => {
    const { point } = result;
    const span = wireSpan(point.address, head.addressing);
    for (let address = span.start; address < span.start + span.count; address++)
      if (!image.has(address))
        return {
          point,
          at,
          problem: "config-error" as const,
          detail: `the example gives no ${table} ${address} (on the wire)`,
        };
    return result;
  });
}

/** The holding registers that an example gives. Throws ConfigError for a damaged dialogue. */
export function holdingImage(given: ModbusGiven, head: ModbusHead): ReadonlyMap<number, number> {
  return remember(given, head).images.holding;
}

function remember(given: ModbusGiven, head: ModbusHead): Memory {
  const images: Record<Table, Map<number, number>> = {
    coil: new Map(),
    discrete: new Map(),
    input: new Map(),
    holding: new Map(),
  };
  for (const table of tables) {
    for (const [key, value] of Object.entries(given[table] ?? {})) {
      const start = toWire(table, Number(key), head.addressing);
      if (start === undefined)
        throw new ConfigError(`${table} ${key} is not an address (${head.addressing})`, {
          code: "no-such-address",
        });
      const cells = typeof value === "string" ? registers(hexBytes(value)) : [value].flat().map(Number);
      cells.forEach((cell, index) => {
        images[table].set(start + index, cell);
      });
    }
  }
  const refusals: Refusal[] = [];
  for (const { ">": sent, "<": received } of given.exchange ?? []) learn(sent, received, images, refusals);
  return { images, refusals };
}

const tableOf: Readonly<Record<number, Table>> = { 1: "coil", 2: "discrete", 3: "holding", 4: "input" };

/** One request and its answer, whole RTU frames. */
function learn(
  sent: string,
  received: string,
  images: Record<Table, Map<number, number>>,
  refusals: Refusal[],
): void {
  const request = decodeRtu(hexBytes(sent));
  const reply = decodeRtu(hexBytes(received));
  if (!request || !reply)
    throw new ConfigError(`not a whole RTU frame with a good CRC: ${request ? received : sent}`, {
      code: "bad-frame",
    });
  const { pdu } = request;
  const table = tableOf[pdu[0] ?? 0];
  // Writes leave nothing to read.
  if (!table || pdu.length !== 5) return;
  const start = word(pdu, 1);
  const count = word(pdu, 3);
  if (reply.unit !== request.unit || (reply.pdu[0] ?? 0) % 0x80 !== pdu[0])
    throw new ConfigError(`${received} does not answer ${sent}`, { code: "bad-frame" });
  if (reply.pdu.length === 2) {
    refusals.push({ table, start, count, exception: reply.pdu[1] ?? 0 });
    return;
  }
  const data = reply.pdu.subarray(2);
  const needed = isBitTable(table) ? Math.ceil(count / 8) : 2 * count;
  if (data.length !== needed || reply.pdu[1] !== needed)
    throw new ConfigError(`${received} does not answer ${sent}`, { code: "bad-frame" });
  for (let index = 0; index < count; index++)
    images[table].set(
      start + index,
      isBitTable(table) ? ((data[index >> 3] ?? 0) >> (index & 7)) & 1 : word(data, 2 * index),
    );
}

function registers(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, index) => word(bytes, 2 * index));
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

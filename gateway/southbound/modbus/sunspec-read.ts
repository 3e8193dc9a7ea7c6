import { compileReader, type Reader } from "../../codec/numbers.ts";
import type { Instant } from "../../model/clock.ts";
import { linear, rational, zero } from "../../model/decimal.ts";
import type { Point } from "../../model/device.ts";
import { GatewayError, TransientError, UnsupportedPointError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import type { PointResult } from "../protocol.ts";
import type { ModbusAddress } from "./settings.ts";
import type { SunspecRequest } from "./sunspec-plan.ts";
import { type SunspecPlace, standardBases, typeRow } from "./sunspec-table.ts";

/** Reads holding registers of one unit, most significant byte first. Rejects like `Client.request`. */
export type ReadHolding = (
  start: number,
  count: number,
) => Promise<{ readonly data: Uint8Array; readonly at: Instant }>;

interface FoundModel {
  readonly id: number;
  /** Wire address of its ID. */
  readonly at: number;
  /** Registers after ID and length. */
  readonly length: number;
}

/** More models than any device has; bounds what a damaged chain can make us read. */
const mostModels = 256;
const marker = 0x5375_6e53;
const endModel = 0xffff;
/** Powers of ten that a scale register may hold. */
export const largestPower = 10;

/** The models of one unit, found once per connection, and read by their ids. */
export class SunspecUnit {
  readonly #bases: readonly number[];
  #models: Promise<readonly FoundModel[]> | undefined;

  constructor(bases: readonly number[] = standardBases) {
    this.#bases = bases;
  }

  /**
   * Rejects with what `read` rejects with, UnsupportedPointError (`no-sunspec`, `no-model`,
   * `no-point`: the device has no such thing), or TransientError (`sunspec-moved`: its models are no
   * longer where they were; the next read looks for them anew).
   */
  async read(request: SunspecRequest, read: ReadHolding): Promise<PointResult<ModbusAddress>[]> {
    const model = await this.#find(request, read);
    const registers = new Map<number, Uint8Array>();
    let at: Instant | undefined;
    const total = 2 + model.length;
    for (const part of request.parts)
      if (part.end > total)
        throw new UnsupportedPointError(
          `model ${request.model} of this device ends before register ${part.end - 1}: it has ${total}`,
          { code: "no-point" },
        );
    for (const { start, end } of request.blocks) {
      const answer = await read(model.at + start, Math.min(end, total) - start);
      at ??= answer.at;
      for (let index = 0; index < answer.data.length / 2; index++)
        registers.set(start + index, answer.data.subarray(2 * index, 2 * index + 2));
    }
    if (wordOf(registers, 0) !== request.model || wordOf(registers, 1) !== model.length)
      throw this.#moved(request.model);
    const instant = at;
    if (!instant) return [];
    return request.points.map((point) => decodePoint(point, registers, instant));
  }

  /**
   * The wire address of the ID of a place's model, which was read just now and is there. Rejects as
   * `read` does.
   */
  async locate(place: SunspecPlace, read: ReadHolding): Promise<number> {
    const model = await this.#find(place, read);
    if (place.start + place.registers > 2 + model.length)
      throw new UnsupportedPointError(`model ${place.model} of this device ends before ${place.name}`, {
        code: "no-point",
      });
    const { data } = await read(model.at, 2);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (view.getUint16(0) !== model.id || view.getUint16(2) !== model.length) throw this.#moved(place.model);
    return model.at;
  }

  async #find(
    { model, instance }: Pick<SunspecPlace, "model" | "instance">,
    read: ReadHolding,
  ): Promise<FoundModel> {
    this.#models ??= this.#walk(read);
    const walk = this.#models;
    const models = await walk.catch((error: unknown) => {
      if (this.#models === walk) this.#models = undefined;
      throw error;
    });
    const found = models.filter(({ id }) => id === model)[instance - 1];
    if (!found) throw noModel(model, instance, models);
    return found;
  }

  #moved(model: number): TransientError {
    this.#models = undefined;
    return new TransientError(`model ${model} is no longer where it was`, { code: "sunspec-moved" });
  }

  async #walk(read: ReadHolding): Promise<readonly FoundModel[]> {
    for (const base of this.#bases) {
      const first = await readOrNothing(read, base);
      if (!first || new DataView(first.buffer, first.byteOffset).getUint32(0) !== marker) continue;
      return await this.#chain(read, base + 2);
    }
    throw new UnsupportedPointError(
      `there is no SunSpec map at ${this.#bases.join(", ")}: is SunSpec switched on in the device, is the unit id right?`,
      {
        code: "no-sunspec",
        hint: "some devices have it only on another unit id, or after a setting at the device",
      },
    );
  }

  async #chain(read: ReadHolding, start: number): Promise<readonly FoundModel[]> {
    const models: FoundModel[] = [];
    let at = start;
    while (models.length < mostModels && at + 2 <= 0x10000) {
      const found = await readOrNothing(read, at);
      // Some devices have no end model: the chain ends where nothing can be read.
      if (!found) break;
      const view = new DataView(found.buffer, found.byteOffset);
      const id = view.getUint16(0);
      const length = view.getUint16(2);
      if (id === endModel || id === 0 || at + 2 + length > 0x10000) break;
      models.push({ id, at, length });
      at += 2 + length;
    }
    return models;
  }
}

/** Two registers, or undefined where the device refuses them. */
async function readOrNothing(read: ReadHolding, at: number): Promise<Uint8Array | undefined> {
  try {
    return (await read(at, 2)).data;
  } catch (error) {
    if (error instanceof UnsupportedPointError) return undefined;
    throw error;
  }
}

function noModel(model: number, instance: number, models: readonly FoundModel[]): UnsupportedPointError {
  const ids = models.map(({ id }) => id).join(", ");
  const which = instance === 1 ? "" : ` number ${instance}`;
  return new UnsupportedPointError(
    `the device has no SunSpec model ${model}${which}: it has ${ids || "none"}`,
    {
      code: "no-model",
    },
  );
}

const readers = new Map<string, Reader>();

/** One reader per type and length. */
function readerOf({ type, registers }: SunspecPlace): Reader {
  const key = `${type} ${registers}`;
  let reader = readers.get(key);
  if (!reader) {
    const length = type === "string" ? registers * 2 : undefined;
    reader = compileReader({ type: typeRow(type).codec, cells: "registers", order: "ABCD", length });
    readers.set(key, reader);
  }
  return reader;
}

function decodePoint(
  point: Point<ModbusAddress>,
  registers: ReadonlyMap<number, Uint8Array>,
  at: Instant,
): PointResult<ModbusAddress> {
  const place = point.address.sunspec;
  if (!place) return { point, at, problem: "config-error", detail: "no point of a SunSpec model" };
  for (const { at: register, name, least } of place.guards) {
    const count = wordOf(registers, register);
    if (count === undefined || count === 0xffff || count < least)
      return {
        point,
        at,
        problem: "config-error",
        detail: `${place.name} is not there: ${name} is ${count}`,
      };
  }
  const bytes = new Uint8Array(2 * place.registers);
  for (let index = 0; index < place.registers; index++) {
    const word = registers.get(place.start + index);
    if (!word) return { point, at, problem: "config-error", detail: `${place.name} lies outside its model` };
    bytes.set(word, 2 * index);
  }
  try {
    const raw = readerOf(place)(bytes, 0);
    if (typeRow(place.type).isAbsent(raw))
      return { point, at, problem: "sentinel", detail: `${place.name} is not implemented (raw ${raw})` };
    if (place.scaleAt === undefined) return { point, at, raw };
    return scaled(point, place, raw, wordOf(registers, place.scaleAt), at);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { point, at, problem: "config-error", detail: error.message };
  }
}

/** raw * 10^power, exactly. A scale register that says nothing leaves no value to believe. */
function scaled(
  point: Point<ModbusAddress>,
  place: SunspecPlace,
  raw: RawValue,
  register: number | undefined,
  at: Instant,
): PointResult<ModbusAddress> {
  if (register === undefined || register === 0x8000)
    return { point, at, problem: "sentinel", detail: `the scale factor of ${place.name} is not implemented` };
  const power = register >= 0x8000 ? register - 0x10000 : register;
  if (Math.abs(power) > largestPower)
    return { point, at, problem: "config-error", detail: `the scale factor of ${place.name} is ${power}` };
  if (typeof raw !== "number" && typeof raw !== "bigint") return { point, at, raw };
  return { point, at, raw: powerOfTen(power)(raw) };
}

const scales = new Map<number, (raw: number | bigint) => number | bigint>();

function powerOfTen(power: number): (raw: number | bigint) => number | bigint {
  let scale = scales.get(power);
  if (!scale) {
    scale = linear(rational(`1e${power}`), zero);
    scales.set(power, scale);
  }
  return scale;
}

function wordOf(registers: ReadonlyMap<number, Uint8Array>, at: number): number | undefined {
  const word = registers.get(at);
  return word && ((word[0] ?? 0) << 8) | (word[1] ?? 0);
}

import { compileWriter, isPartial, parseType, wireSize } from "../../codec/numbers.ts";
import type { DeviceProfile, Point } from "../../model/device.ts";
import { GatewayError } from "../../model/errors.ts";
import type { ProtocolFinding } from "../protocol.ts";
import {
  type AddressRange,
  fromWire,
  isBitTable,
  layoutOf,
  type ModbusAddress,
  type ModbusHead,
  type Span,
  type Table,
  tables,
  wireRanges,
  wireSpan,
} from "./settings.ts";

type ModbusPoint = Point<ModbusAddress>;
interface Placed {
  readonly point: ModbusPoint;
  readonly span: Span;
}

/** What the schemas of a Modbus profile cannot see. Pure. */
export function checkModbus(profile: DeviceProfile<ModbusAddress, ModbusHead>): readonly ProtocolFinding[] {
  const head = profile.protocolSettings;
  const findings: ProtocolFinding[] = [];
  const placed: Placed[] = [];
  findings.push(...checkSunspec(profile));
  for (const point of profile.points) {
    if (point.address.sunspec) continue;
    const span = place(point, head, findings);
    if (span) placed.push({ point, span });
    findings.push(...sentinels(point, head));
  }
  for (const table of tables) {
    const here = placed
      .filter(({ span }) => span.table === table)
      .sort((a, b) => a.span.start - b.span.start);
    findings.push(...reach(here, table, head), ...overlaps(here, head), ...atomics(table, head));
  }
  return findings;
}

/** Two points at one place of a model, and points that no read can hold. */
function checkSunspec(profile: DeviceProfile<ModbusAddress, ModbusHead>): ProtocolFinding[] {
  const findings: ProtocolFinding[] = [];
  const first = new Map<string, string>();
  const most = profile.protocolSettings.read.maxRegisters;
  for (const point of profile.points) {
    const { sunspec } = point.address;
    if (!sunspec) continue;
    const key = `${sunspec.model} ${sunspec.instance} ${sunspec.start}`;
    const other = first.get(key);
    if (other !== undefined)
      findings.push({
        path: at(point, "sunspec"),
        code: "overlapping-points",
        message: `${sunspec.name} of model ${sunspec.model} is also ${other}`,
      });
    first.set(key, point.name);
    if (sunspec.registers > most)
      findings.push({
        path: at(point, "sunspec"),
        code: "larger-than-request",
        message: `${sunspec.name} needs ${sunspec.registers} registers, but the device gives at most ${most} at a time`,
      });
  }
  return findings;
}

const at = (point: ModbusPoint, key?: string) => ["points", point.name, "at", ...(key ? [key] : [])];

/** Whole numbers that mean "no value" and that the type can never give: 0x8000 of an s16 is -32768. */
function sentinels(point: ModbusPoint, head: ModbusHead): ProtocolFinding[] {
  const { address, absent } = point;
  if (isBitTable(address.table)) return [];
  return absent.flatMap((value): ProtocolFinding[] => {
    if (typeof value !== "bigint" && (typeof value !== "number" || !Number.isInteger(value))) return [];
    try {
      const layout = layoutOf(address, head.order);
      compileWriter(layout)(value, isPartial(layout) ? new Uint8Array(wireSize(layout)) : undefined);
      return [];
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "does-not-fit") return [];
      const signed = BigInt(value) - (1n << BigInt(8 * wireSize(layoutOf(address, head.order))));
      return [
        {
          path: ["points", point.name, "absent"],
          code: "absent-mismatch",
          message: `${address.type} is never ${value}`,
          hint:
            parseType(address.type).type.signed && signed < 0n
              ? `write the value as it is decoded: ${signed}`
              : "check the type, or the sentinel",
        },
      ];
    }
  });
}

/** The point's place on the wire, or a finding why it has none. */
function place(point: ModbusPoint, head: ModbusHead, findings: ProtocolFinding[]): Span | undefined {
  const { address } = point;
  try {
    // With the profile's order, which the schema of one address does not know.
    if (!isBitTable(address.table)) wireSize(layoutOf(address, head.order));
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const { code, message, hint } = error;
    findings.push({ path: at(point, "type"), code, message, hint });
    return undefined;
  }
  try {
    return wireSpan(address, head.addressing);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const first = fromWire(address.table, 0, head.addressing);
    findings.push({
      path: at(point, address.table),
      code: "no-such-address",
      message: error.message,
      hint: `with addressing ${head.addressing} the first ${address.table} is ${first}`,
    });
    return undefined;
  }
}

/** Points that no permitted request can read. */
function reach(here: readonly Placed[], table: Table, head: ModbusHead): ProtocolFinding[] {
  const { read, addressing } = head;
  const most = isBitTable(table) ? read.maxBits : read.maxRegisters;
  const forbidden = wireRanges(read.forbidden, table, addressing);
  const windows = wireRanges(read.windows, table, addressing);
  const findings: ProtocolFinding[] = [];
  for (const { point, span } of here) {
    const path = at(point, table);
    const name = written(span, head);
    if (span.count > most)
      findings.push({
        path,
        code: "larger-than-request",
        message: `${name} needs ${span.count} registers, but the device gives at most ${most} at a time`,
      });
    const blocked = forbidden.find((range) => touches(span, range));
    if (blocked)
      findings.push({
        path,
        code: "forbidden-address",
        message: `${name} lies in a range that must not be read`,
      });
    if (windows.length > 0 && !windows.some((range) => contains(range, span)))
      findings.push({
        path,
        code: "outside-windows",
        message: `${name} lies in none of the windows that may be read`,
      });
  }
  return findings;
}

/** Two points must not share bits: one of the two addresses is wrong. */
function overlaps(here: readonly Placed[], head: ModbusHead): ProtocolFinding[] {
  const findings: ProtocolFinding[] = [];
  here.forEach((second, index) => {
    for (const first of here.slice(0, index)) {
      if (!touches(first.span, [second.span.start, second.span.start + second.span.count - 1])) continue;
      if (apartInOneValue(first, second)) continue;
      findings.push({
        path: at(second.point, second.span.table),
        code: "overlapping-points",
        message: `${written(second.span, head)} is also in ${first.point.name} (${written(first.span, head)})`,
        hint: "check both addresses and types; bits of one register may be several points",
      });
    }
  });
  return findings;
}

/** Whether two points are different bits, or different bytes, of the same registers. */
function apartInOneValue(first: Placed, second: Placed): boolean {
  if (first.span.start !== second.span.start || first.span.count !== second.span.count) return false;
  const one = partOf(first.point.address);
  const other = partOf(second.point.address);
  return one !== undefined && other !== undefined && (one[1] < other[0] || other[1] < one[0]);
}

/** The bits of its registers that a point takes, or undefined for all of them. */
function partOf({ type, bit, byte }: ModbusAddress): AddressRange | undefined {
  if (bit !== undefined) return [bit, bit];
  if (byte !== undefined && /^[us]8$/.test(type)) return byte === "high" ? [8, 15] : [0, 7];
  return parseType(type).bits;
}

/** Atomic ranges that no request can hold. */
function atomics(table: Table, head: ModbusHead): ProtocolFinding[] {
  const most = isBitTable(table) ? head.read.maxBits : head.read.maxRegisters;
  return wireRanges(head.atomic, table, head.addressing)
    .filter(([first, last]) => last - first + 1 > most)
    .map(([first, last]) => ({
      path: ["modbus", "atomic"],
      code: "larger-than-request",
      message: `${last - first + 1} ${table} addresses cannot be read in one request of at most ${most}`,
    }));
}

function written({ table, start, count }: Span, { addressing }: ModbusHead): string {
  const first = fromWire(table, start, addressing);
  const name = count === 1 ? `${first}` : `${first}..${fromWire(table, start + count - 1, addressing)}`;
  return `${table} ${name}`;
}

function touches({ start, count }: Span, [first, last]: AddressRange): boolean {
  return start <= last && first < start + count;
}

function contains([first, last]: AddressRange, { start, count }: Span): boolean {
  return first <= start && start + count - 1 <= last;
}

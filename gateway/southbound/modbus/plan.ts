import { type Device, type Point, pollPeriod } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import {
  type Item,
  inside,
  type MergeRules,
  mergePeriods,
  overlaps,
  type Span,
  type TimedItem,
  widened,
} from "../plan.ts";
import type { Learned } from "../protocol.ts";
import { clusters } from "./clusters.ts";
import { fasterLines, readCostMs } from "./cost.ts";
import { describeLearned, type LearnedTable, learnedTable, learnModbus, type PlannedRead } from "./learn.ts";
import {
  isBitTable,
  type ModbusAddress,
  type ModbusConnection,
  type ModbusDevice,
  type ModbusHead,
  type Span as ModbusSpan,
  readFunction,
  type Table,
  tables,
  wireRanges,
  wireSpan,
} from "./settings.ts";

export { describeLearned, fasterLines, learnModbus, type PlannedRead };

/** Most registers and bits of one read (Application Protocol V1.1b3, sections 6.1 to 6.4). */
const mostRegisters = 125;
const mostBits = 2000;

type ModbusPoint = Point<ModbusAddress>;

/**
 * The reads of least line time for these points, each class of period planned in turn, fastest first.
 * A point in a range that the device refused before is read alone, so that it can come back when the
 * device changes and costs the others nothing. A point whose address does not exist, or that no
 * permitted read can hold, is in no request. Pure.
 */
export function planModbus(
  connection: ModbusConnection,
  device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
  points: readonly ModbusPoint[],
  learned: Learned,
): { readonly requests: readonly PlannedRead[]; readonly concurrency: number } {
  const requests = tables.flatMap((table) => {
    const items = itemsOf(table, device, points);
    if (items.length === 0) return [];
    const { addressing, atomic, read } = device.profile.protocolSettings;
    const ranges = (set: ModbusHead["atomic"]) => wireRanges(set, table, addressing).map(toSpan);
    const atomicRanges = ranges(atomic);
    const known = learnedTable(learned, table);
    const rules = rulesFor(table, connection, device, known, items);
    const groups = clusters(items, atomicRanges);
    const alone = groups.filter((group) => known.forbidden.some((range) => overlaps(range, group)));
    const apart = new Set(alone.flatMap((group) => group.items));
    const windows = ranges(read.windows);
    const forbidden = ranges(read.forbidden);
    const full: MergeRules = {
      ...rules,
      atomic: atomicRanges,
      forbidden: [...forbidden, ...known.forbidden],
      windows: windows.length > 0 ? windows : undefined,
    };
    const { requests: merged } = mergePeriods(
      items.filter((item) => !apart.has(item)),
      full,
    );
    const permitted = alone.filter(
      (group) =>
        group.end - group.start <= rules.maxUnits &&
        !forbidden.some((range) => overlaps(range, group)) &&
        (windows.length === 0 || windows.some((window) => inside(group, window))),
    );
    return [...merged, ...permitted].map((request) => ({
      ...toRead(table, request, rules, atomicRanges),
      wider: widerReads(table, request, full, items),
    }));
  });
  return { requests, concurrency: connection.concurrency };
}

/** A byte of bits or a register more, up to the end of the table. */
function widerReads(table: Table, request: Span, rules: MergeRules, items: readonly Span[]): ModbusSpan[] {
  return widened(request, rules, items, isBitTable(table) ? 8 : 1)
    .filter(({ end }) => end <= 0x10000)
    .map(({ start, end }) => ({ table, start, count: end - start }));
}

function rulesFor(
  table: Table,
  connection: ModbusConnection,
  device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
  known: LearnedTable,
  items: readonly Item<ModbusPoint>[],
): MergeRules {
  const { read, timing } = device.profile.protocolSettings;
  return {
    costMs: readCostMs(connection, timing, table),
    maxUnits: isBitTable(table)
      ? Math.min(read.maxBits, mostBits)
      : Math.min(read.maxRegisters, mostRegisters),
    gaps: read.gaps === "allow",
    // A cut inside a value was learned from an older profile: it cannot be kept and says nothing.
    cuts: known.cuts
      .map((cut) => cut.at)
      .filter((at) => !items.some((item) => item.start < at && at < item.end)),
  };
}

function itemsOf(
  table: Table,
  device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
  points: readonly ModbusPoint[],
): TimedItem<ModbusPoint>[] {
  const { addressing } = device.profile.protocolSettings;
  const items: TimedItem<ModbusPoint>[] = [];
  for (const point of points) {
    if (point.address.table !== table || point.address.sunspec) continue;
    const span = spanOf(point.address, addressing);
    if (span) items.push({ ...span, value: point, periodMs: pollPeriod(device, point) });
  }
  return items;
}

/** Undefined for an address or a type that does not exist: `check` of the protocol has said so already. */
function spanOf(address: ModbusAddress, addressing: ModbusHead["addressing"]): Span | undefined {
  try {
    const { start, count } = wireSpan(address, addressing);
    return { start, end: start + count };
  } catch (error) {
    if (error instanceof RangeError || error instanceof ConfigError) return undefined;
    throw error;
  }
}

function toRead(
  table: Table,
  request: Span & { readonly items: readonly Item<ModbusPoint>[] },
  rules: MergeRules,
  atomic: readonly Span[],
): PlannedRead {
  const { start, end } = request;
  const count = end - start;
  const kind = isBitTable(table) ? "bit" : "register";
  const last = count > 1 ? `..${hex(end - 1)}` : "";
  return {
    table,
    start,
    count,
    points: request.items.map((item) => item.value),
    costMs: rules.costMs(count),
    label: `FC${readFunction[table]} ${hex(start)}${last} (${count} ${kind}${count > 1 ? "s" : ""})`,
    parts: clusters(request.items, atomic).map((group) => ({ start: group.start, end: group.end })),
  };
}

function toSpan([first, last]: readonly [number, number]): Span {
  return { start: first, end: last + 1 };
}

function hex(address: number): string {
  return `0x${address.toString(16).toUpperCase().padStart(4, "0")}`;
}

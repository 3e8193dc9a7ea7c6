import { type Device, type Point, pollPeriod } from "../../model/device.ts";
import { hull, inside, type MergeRules, mergePeriods, overlaps, type Span, type TimedItem } from "../plan.ts";
import type { Learned, ReadRequest } from "../protocol.ts";
import { clusters } from "./clusters.ts";
import { readCostMs } from "./cost.ts";
import { learnedTable, learnParts } from "./learn.ts";
import type { ModbusAddress, ModbusConnection, ModbusDevice, ModbusHead } from "./settings.ts";
import type { SunspecPlace } from "./sunspec-table.ts";

type ModbusPoint = Point<ModbusAddress>;

/** A read of points of one model, wherever the device has it. Registers count from the model's ID. */
export interface SunspecRequest extends ReadRequest<ModbusAddress> {
  readonly model: number;
  /** Which of several models of this id, from 1. */
  readonly instance: number;
  /** The first holds the values. All together hold the model's ID and length, and what the values' meaning depends on. */
  readonly blocks: readonly Span[];
  /** The smallest ranges that it could be taken apart into, ascending. */
  readonly parts: readonly Span[];
}

/** Most registers of one read (Modbus Application Protocol V1.1b3, section 6.3). */
const mostRegisters = 125;
/** ID and length. */
const header: Span = { start: 0, end: 2 };

/**
 * The reads of the points that say a SunSpec model and not an address: as few as possible per model,
 * each with the model's header, so that a device whose models have moved is noticed. Where the
 * device has the model is not known here: the driver finds out. Pure.
 */
export function planSunspec(
  connection: ModbusConnection,
  device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
  points: readonly ModbusPoint[],
  learned: Learned,
): SunspecRequest[] {
  const { read, timing } = device.profile.protocolSettings;
  const maxUnits = Math.min(read.maxRegisters, mostRegisters);
  const costMs = readCostMs(connection, timing, "holding");
  const byModel = Map.groupBy(
    points.filter(({ address }) => address.sunspec !== undefined),
    ({ address }) => modelKey(address.sunspec?.model ?? 0, address.sunspec?.instance ?? 1),
  );
  return Array.from(byModel.values()).flatMap((ofModel) => {
    const items = ofModel.flatMap((point) => itemOf(device, point));
    const place = ofModel[0]?.address.sunspec;
    if (!place) return [];
    const known = learnedTable(learned, modelKey(place.model, place.instance));
    const groups = clusters(items, []);
    const alone = groups.filter((group) => known.forbidden.some((range) => overlaps(range, group)));
    const apart = new Set(alone.flatMap((group) => group.items));
    const rules: MergeRules = {
      costMs,
      maxUnits,
      gaps: true,
      forbidden: known.forbidden,
      cuts: known.cuts
        .map((cut) => cut.at)
        .filter((at) => !items.some((item) => item.start < at && at < item.end)),
    };
    const { requests } = mergePeriods(
      items.filter((item) => !apart.has(item)),
      rules,
    );
    return [...requests, ...alone.filter((group) => group.end - group.start <= maxUnits)].map((request) =>
      toRequest(place, request, rules),
    );
  });
}

/** As learned knowledge is kept: model space, not wire addresses. */
export function modelKey(model: number, instance: number): string {
  return instance === 1 ? `sunspec ${model}` : `sunspec ${model}#${instance}`;
}

/** The same as for registers, but for a model that the device does not have there is nothing to learn. */
export function learnSunspec(request: SunspecRequest, learned: Learned, code: string): Learned | undefined {
  if (code === "no-sunspec" || code === "no-model") return undefined;
  return learnParts(modelKey(request.model, request.instance), request.parts, learned);
}

export function isSunspec(request: ReadRequest<ModbusAddress>): request is SunspecRequest {
  return "model" in request && "blocks" in request;
}

/** The value alone: scale factors are shared, and a refused part must not take others with it. */
function itemOf(
  device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
  point: ModbusPoint,
): TimedItem<ModbusPoint>[] {
  const place = point.address.sunspec;
  if (!place) return [];
  const { start, registers } = place;
  return [{ start, end: start + registers, value: point, periodMs: pollPeriod(device, point) }];
}

/** Registers beside the value that say how to read it. */
function neededBy({ scaleAt, guards }: SunspecPlace): Span[] {
  const places = [...(scaleAt === undefined ? [] : [scaleAt]), ...guards.map(({ at }) => at)];
  return places.map((at) => ({ start: at, end: at + 1 }));
}

function toRequest(
  { model, instance }: SunspecPlace,
  { start, end, items }: Span & { readonly items: readonly TimedItem<ModbusPoint>[] },
  rules: MergeRules,
): SunspecRequest {
  const values: Span = { start, end };
  const needed = items.flatMap(({ value }) => (value.address.sunspec ? neededBy(value.address.sunspec) : []));
  const blocks = together(values, [header, ...needed], rules);
  return {
    model,
    instance,
    blocks,
    parts: clusters(items, []).map((group) => ({ start: group.start, end: group.end })),
    points: items.map(({ value }) => value),
    costMs: blocks.reduce((sum, block) => sum + rules.costMs(block.end - block.start), 0),
    label: `SunSpec ${modelKey(model, instance).slice("sunspec ".length)} ${blocks
      .map((block) => `+${block.start}..+${block.end - 1}`)
      .join(" and ")}`,
  };
}

/** As few reads as hold all of these, that of the values first, none over what the device refused. */
function together(values: Span, beside: readonly Span[], rules: MergeRules): Span[] {
  const permitted = ({ start, end }: Span) =>
    end - start <= rules.maxUnits &&
    !(rules.forbidden ?? []).some((range) => overlaps(range, { start, end }) && !inside(range, values)) &&
    !(rules.cuts ?? []).some((cut) => start < cut && cut < end);
  const all = hull([values, ...beside]);
  if (permitted(all)) return [all];
  const blocks: Span[] = [];
  for (const span of [...beside].sort((a, b) => a.start - b.start)) {
    if (inside(span, values)) continue;
    const last = blocks.at(-1);
    const joined = last && hull([last, span]);
    if (joined && permitted(joined)) blocks[blocks.length - 1] = joined;
    else blocks.push(span);
  }
  return [values, ...blocks];
}

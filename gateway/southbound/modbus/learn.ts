import { inside, overlaps, type Span } from "../plan.ts";
import type { Learned } from "../protocol.ts";
import { type ModbusRequest, tables } from "./settings.ts";

/** A planned read, with the smallest ranges that it could be taken apart into (ascending, on the wire). */
export interface PlannedRead extends ModbusRequest {
  readonly parts: readonly Span[];
}

/** No request may cross `at`; learned when [from, to) was refused. */
export interface LearnedCut {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** What a unit taught about one table (addresses on the wire) or one SunSpec model (registers from its ID). */
export interface LearnedTable {
  readonly cuts: readonly LearnedCut[];
  /** Ranges that were refused when read alone. */
  readonly forbidden: readonly Span[];
}

/** Bounds what a device that refuses at random can make us remember. */
const mostCuts = 128;
const mostForbidden = 128;

/**
 * What a refused read teaches. Several parts: a cut, at the middle gap if there is one, else in the
 * middle, so that the culprit is found in O(log n) refusals. A single part: its range is not to be
 * read together with others, and the cuts made on the way to it are forgotten, so that its healthy
 * neighbours are read in one request again. Undefined when the part was known to be refused. Pure.
 */
export function learnModbus(request: PlannedRead, learned: Learned): Learned | undefined {
  return learnParts(request.table, request.parts, learned);
}

/** The same for the parts of a refused read, ascending. */
export function learnParts(table: string, parts: readonly Span[], learned: Learned): Learned | undefined {
  const first = parts[0];
  const last = parts.at(-1);
  if (!first || !last) return undefined;
  const { cuts, forbidden } = learnedTable(learned, table);
  if (parts.length === 1) {
    if (forbidden.some((range) => inside(first, range))) return undefined;
    return remember(learned, table, {
      cuts: cuts.filter((cut) => !inside(first, { start: cut.from, end: cut.to })),
      forbidden: [...forbidden.filter((range) => !overlaps(range, first)), first].slice(-mostForbidden),
    });
  }
  const borders = parts
    .slice(1)
    .map((part, index) => ({ at: part.start, gap: part.start > parts[index]!.end }));
  const gaps = borders.filter((border) => border.gap);
  const choice = gaps.length > 0 ? gaps : borders;
  const { at } = choice[Math.floor(choice.length / 2)]!;
  // Known and still crossed: the plan does not keep it, so nothing more can be learned.
  if (cuts.some((cut) => cut.at === at)) return undefined;
  return remember(learned, table, {
    cuts: [...cuts, { at, from: first.start, to: last.end }].slice(-mostCuts),
    forbidden,
  });
}

/** What is known of a table. What comes from disk and does not look like ours is ignored. */
export function learnedTable(learned: Learned, table: string): LearnedTable {
  const entry = record(record(learned.tables)?.[table]);
  return {
    cuts: list(entry?.cuts, mostCuts).flatMap((item) => {
      const cut = record(item);
      return cut && isAddress(cut.at) && isAddress(cut.from) && isAddress(cut.to)
        ? [{ at: cut.at, from: cut.from, to: cut.to }]
        : [];
    }),
    forbidden: list(entry?.forbidden, mostForbidden).flatMap((item) => {
      const range = record(item);
      return range && isAddress(range.start) && isAddress(range.end) && range.start < range.end
        ? [{ start: range.start, end: range.end }]
        : [];
    }),
  };
}

/** What was learned, for people. */
export function describeLearned(learned: Learned): string[] {
  const models = Object.keys(record(learned.tables) ?? {}).filter((name) =>
    /^sunspec \d+(#\d+)?$/.test(name),
  );
  return [...tables, ...models].flatMap((table) => {
    const { cuts, forbidden } = learnedTable(learned, table);
    return [
      ...cuts.map((cut) => `${table}: no read crosses ${cut.at}`),
      ...forbidden.map(({ start, end }) =>
        end - start === 1 ? `${table}: ${start} refused` : `${table}: ${start}..${end - 1} refused`,
      ),
    ];
  });
}

function remember(learned: Learned, table: string, entry: LearnedTable): Learned {
  return { ...learned, tables: { ...record(learned.tables), [table]: entry } };
}

function record(value: unknown): Record<string, unknown> | undefined {
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown, most: number): unknown[] {
  return Array.isArray(value) ? value.slice(-most) : [];
}

function isAddress(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0x10000;
}

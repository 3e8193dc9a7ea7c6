import { type Quality, qualities } from "../model/quality.ts";
import type { Value } from "../model/value.ts";
import type { SqlValue } from "../store/sqlite.ts";

// How readings stand in the history's database. The file's format is described in docs/history.md.

export const historySchema: readonly string[] = [
  `CREATE TABLE series (
     id INTEGER PRIMARY KEY,
     device TEXT NOT NULL,
     name TEXT NOT NULL,
     unit TEXT NOT NULL,
     personal INTEGER NOT NULL,
     max_age INTEGER NOT NULL,
     UNIQUE (device, name, unit)
   ) STRICT;
   CREATE TABLE readings (
     series INTEGER NOT NULL,
     time INTEGER NOT NULL,
     value ANY,
     mark INTEGER,
     PRIMARY KEY (series, time)
   ) STRICT, WITHOUT ROWID`,
];

/** `mark` of a good value that SQLite has no type for; a plain good value has none, and what is not good has its place in `qualities`. */
export const booleanMark = -1;
/** An integer beyond 2^53, as decimal text. */
export const bigMark = -2;

/** Longer texts and bytes are not kept: they are no readings that somebody looks back at. */
const maxValueBytes = 1024;

/** Value and mark, or undefined where it cannot be kept. */
export function toColumns(quality: Quality, value: Value | undefined): [SqlValue, SqlValue] | undefined {
  if (quality !== "good") return [null, qualities.indexOf(quality)];
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? [value, null] : undefined;
    case "boolean":
      return [Number(value), booleanMark];
    case "bigint":
      return [value.toString(), bigMark];
    case "string":
      return Buffer.byteLength(value) <= maxValueBytes ? [value, null] : undefined;
    default:
      return value && value.length <= maxValueBytes ? [value, null] : undefined;
  }
}

/** Throws RangeError for columns that this program never wrote. */
export function fromColumns(value: SqlValue, mark: SqlValue): { quality: Quality; value?: Value } {
  if (mark === null && value !== null) return { quality: "good", value };
  if (mark === booleanMark) return { quality: "good", value: value === 1 };
  if (mark === bigMark && typeof value === "string") return { quality: "good", value: BigInt(value) };
  const quality = typeof mark === "number" && mark > 0 ? qualities[mark] : undefined;
  if (quality === undefined) throw new RangeError(`no reading has the mark ${mark}`);
  return { quality };
}

import { ConfigError } from "../model/errors.ts";
import { type Quality, qualities } from "../model/quality.ts";
import type { Value } from "../model/value.ts";
import type { Database, SqlValue } from "../store/sqlite.ts";
import { fromColumns } from "./history-rows.ts";

/** What becomes of the readings of one bucket. Numbers only, but for `last` and `count`; true counts as 1. */
export const historyFunctions = ["mean", "min", "max", "last", "count"] as const;
export type HistoryFunction = (typeof historyFunctions)[number];

export interface HistoryQuery {
  readonly device: string;
  /** All that have a history when there are none. */
  readonly points?: readonly string[] | undefined;
  /** Unix ms, included. */
  readonly from: number;
  /** Unix ms, not included. */
  readonly to: number;
  /** One row per so many ms, counted from the Unix epoch; without it every reading. */
  readonly bucketMs?: number | undefined;
  /** Default: mean. */
  readonly function?: HistoryFunction | undefined;
  /** Within each point. Default: ascending. */
  readonly order?: "ascending" | "descending" | undefined;
  /** Rows of all points together; no bound when undefined. */
  readonly limit?: number | undefined;
  /** Goes on behind this row of an earlier query that asked for the same. */
  readonly after?: { readonly point: string; readonly unit: string; readonly time: number } | undefined;
}

/**
 * One reading, or one bucket: then `time` is its beginning and `count` says how many readings were used.
 * A bucket without readings has no row. One whose readings give no value (none good, or texts asked for
 * a mean) has no value, and a quality that is not good.
 */
export interface HistoryRow {
  /** Unix ms. */
  readonly time: number;
  readonly quality: Quality;
  readonly value?: Value | undefined;
  readonly count?: number | undefined;
}

export interface HistoryPage {
  readonly device: string;
  readonly point: string;
  /** What the values of these rows are in. */
  readonly unit?: string | undefined;
  readonly rows: readonly HistoryRow[];
}

const pageRows = 500;
/** Readings that SQLite sorts into buckets at a time, as a span of time: 6 h of one a second are 21,600. */
const windowMs = 6 * 3_600_000;
const maxPoints = 256;

interface Span {
  readonly series: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Reads page by page, so that nobody holds a week of readings at once.
 *
 * @param keptSince Unix ms from which readings of a series with this bound are to be shown
 */
export async function* historyPages(
  database: Database,
  query: HistoryQuery,
  keptSince: (maxAgeMs: number) => number,
): AsyncGenerator<HistoryPage> {
  checkQuery(query);
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  for (const { id, point, unit, maxAge, after } of behind(await seriesOf(database, query), query)) {
    const from = Math.ceil(Math.max(query.from, keptSince(maxAge), 0));
    const down = query.order === "descending";
    const span: Span = {
      series: id,
      from: after === undefined || down ? from : Math.max(from, after + (query.bucketMs ?? 1)),
      to: after === undefined || !down ? Math.ceil(query.to) : Math.min(Math.ceil(query.to), after),
    };
    for await (const rows of query.bucketMs === undefined
      ? readings(database, span, query)
      : buckets(database, span, query, query.bucketMs)) {
      if (left <= 0) return;
      const page = rows.slice(0, left);
      left -= page.length;
      yield { device: query.device, point, ...(unit === "" ? {} : { unit }), rows: page };
    }
  }
}

function checkQuery({ points = [], from, to, bucketMs, limit }: HistoryQuery): void {
  const wrong = !Number.isFinite(from)
    ? "from is no time"
    : !Number.isFinite(to)
      ? "to is no time"
      : points.length > maxPoints
        ? `at most ${maxPoints} points at once`
        : bucketMs !== undefined && !(Number.isSafeInteger(bucketMs) && bucketMs >= 1)
          ? "a bucket is a whole number of milliseconds"
          : limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)
            ? "a limit is a whole number from 1"
            : undefined;
  if (wrong) throw new ConfigError(wrong, { code: "bad-query" });
}

/** The series that are still to be shown, the first of them from behind its row. */
function behind(
  series: readonly KnownSeries[],
  { after }: HistoryQuery,
): readonly (KnownSeries & { readonly after?: number })[] {
  if (!after) return series;
  const place = series.findIndex(({ point, unit }) => point === after.point && unit === after.unit);
  return series
    .slice(Math.max(0, place))
    .map((one, at) => (at === 0 && place >= 0 ? { ...one, after: after.time } : one));
}

interface KnownSeries {
  readonly id: number;
  readonly point: string;
  readonly unit: string;
  readonly maxAge: number;
}

async function seriesOf(database: Database, { device, points = [] }: HistoryQuery): Promise<KnownSeries[]> {
  const rows = await database.read(
    "SELECT id, name, unit, max_age FROM series WHERE device = ? ORDER BY name, id",
    [device],
  );
  const all = rows.map(([id, name, unit, maxAge]): KnownSeries => {
    return { id: Number(id), point: String(name), unit: String(unit), maxAge: Number(maxAge) };
  });
  const unknown = points.find((point) => all.every((one) => one.point !== point));
  if (unknown === undefined && all.length > 0) {
    return points.length === 0
      ? all
      : [...new Set(points)].flatMap((point) => all.filter((one) => one.point === point));
  }
  const what = unknown === undefined ? device : `${device} ${unknown}`;
  const names = [...new Set(all.map(({ point }) => point))];
  throw new ConfigError(`there is no history of ${what}`, {
    code: "unknown-point",
    hint: names.length > 0 ? `there is one of ${names.slice(0, 20).join(", ")}` : "nothing was recorded yet",
  });
}

async function* readings(
  database: Database,
  { series, from, to }: Span,
  { order }: HistoryQuery,
): AsyncGenerator<HistoryRow[]> {
  const down = order === "descending";
  const sql = `SELECT time, value, mark FROM readings WHERE series = ? AND time >= ? AND time < ?
    ORDER BY time ${down ? "DESC" : "ASC"} LIMIT ?`;
  let begin = from;
  let end = to;
  while (begin < end) {
    const rows = await database.read(sql, [series, begin, end, pageRows]);
    if (rows.length > 0) yield rows.map(readingRow);
    if (rows.length < pageRows) return;
    const last = Number(rows.at(-1)?.[0]);
    if (down) end = last;
    else begin = last + 1;
  }
}

function readingRow([time = null, value = null, mark = null]: readonly SqlValue[]): HistoryRow {
  return { time: Number(time), ...fromColumns(value, mark) };
}

async function* buckets(
  database: Database,
  { series, from, to }: Span,
  { function: how = "mean", order }: HistoryQuery,
  bucketMs: number,
): AsyncGenerator<HistoryRow[]> {
  const down = order === "descending";
  const sql = bucketSql(how, down);
  const span = bucketMs * Math.max(1, Math.min(pageRows, Math.floor(windowMs / bucketMs)));
  let begin = from;
  let end = to;
  while (begin < end) {
    const [[next = null] = []] = await database.read(
      `SELECT ${down ? "max" : "min"}(time) FROM readings WHERE series = ? AND time >= ? AND time < ?`,
      [series, begin, end],
    );
    if (next === null) return;
    // Windows begin where a bucket does, so that none is cut in two.
    const first = Math.floor(Number(next) / bucketMs) * bucketMs;
    const window = down
      ? { from: Math.max(begin, first + bucketMs - span), to: Math.min(end, first + bucketMs) }
      : { from: Math.max(begin, first), to: Math.min(end, first + span) };
    const rows = await database.read(sql, [bucketMs, series, window.from, window.to]);
    yield rows.map((row) => bucketRow(how, bucketMs, row));
    if (down) end = window.from;
    else begin = window.to;
  }
}

const numeric = `CASE WHEN mark IS NULL AND typeof(value) IN ('integer', 'real') THEN value
  WHEN mark = -1 THEN value WHEN mark = -2 THEN CAST(value AS REAL) END`;

/** Columns: the bucket's number, readings used, quality of the last reading, value, mark. */
function bucketSql(how: HistoryFunction, down: boolean): string {
  const quality = "max(time * 8 + CASE WHEN mark > 0 THEN mark ELSE 0 END) % 8";
  const columns = {
    mean: `count(number), ${quality}, avg(number), NULL`,
    min: `count(number), ${quality}, min(number), NULL`,
    max: `count(number), ${quality}, max(number), NULL`,
    count: `count(*) FILTER (WHERE mark IS NULL OR mark < 0), ${quality}, NULL, NULL`,
    // With a single max() SQLite takes the other columns from the row that has it.
    last: "count(*), max(time) * 0, value, mark",
  }[how];
  return `WITH wanted AS (SELECT time, value, mark, ${numeric} AS number, time / ? AS bucket
      FROM readings WHERE series = ? AND time >= ? AND time < ?)
    SELECT bucket, ${columns} FROM wanted GROUP BY bucket ORDER BY bucket ${down ? "DESC" : "ASC"}`;
}

function bucketRow(
  how: HistoryFunction,
  bucketMs: number,
  [bucket = null, count = null, quality = null, value = null, mark = null]: readonly SqlValue[],
): HistoryRow {
  const head = { time: Number(bucket) * bucketMs, count: Number(count) };
  if (how === "last") return { ...head, ...fromColumns(value, mark) };
  if (how === "count") return { ...head, quality: "good", value: head.count };
  if (value !== null) return { ...head, quality: "good", value };
  const last = qualities[Number(quality)] ?? "good";
  // Good and no number: a text has no mean.
  return { ...head, quality: last === "good" ? "config-error" : last };
}

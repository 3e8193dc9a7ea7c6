import { parseDuration } from "../model/duration.ts";
import { ConfigError } from "../model/errors.ts";
import { valueToJson } from "../model/json.ts";
import {
  type HistoryFunction,
  type HistoryPage,
  type HistoryQuery,
  type HistoryRow,
  historyFunctions,
} from "./history-query.ts";

// `GET /v1/history`: what may be asked, and what is answered. Plain JSON.

export interface HistoryAnswer {
  readonly device: string;
  /** A point stands in several where its unit changed, or where there is much of it. */
  readonly series: readonly HistorySeriesJson[];
  /** There is more: ask the same again with `after` set to this. */
  readonly next?: string | undefined;
}

export interface HistorySeriesJson {
  readonly point: string;
  readonly unit?: string | undefined;
  readonly rows: readonly HistoryRowJson[];
}

export interface HistoryRowJson {
  /** Unix ms; of a bucket its beginning. */
  readonly time: number;
  readonly quality: string;
  /** As in ReadingJson. */
  readonly value?: number | boolean | string;
  /** Of a bucket: readings that were used. */
  readonly count?: number;
}

const maxRows = 5_000;
const keys = new Set(["device", "point", "from", "to", "every", "function", "order", "limit", "after"]);

/**
 * `device` (needed), `point` (may come several times), `from`, `to` (Unix ms or ISO 8601; default: the
 * last hour), `every` (a duration: one row each), `function` (of `every`), `order`, `limit` (rows, at most
 * 5000), `after`. Throws ConfigError (`bad-query`).
 *
 * @param now Unix ms
 */
export function historyQueryOf(
  asked: URLSearchParams,
  now: number,
): HistoryQuery & { readonly limit: number } {
  for (const key of asked.keys()) if (!keys.has(key)) throw bad(`there is no ${key}`);
  const device = asked.get("device");
  if (!device) throw bad("which device?");
  const to = momentOf(asked, "to") ?? now + 1;
  const every = asked.get("every");
  if (every === null && asked.has("function")) throw bad("function says what becomes of every: name both");
  return {
    device,
    points: asked.getAll("point"),
    from: momentOf(asked, "from") ?? to - 3_600_000,
    to,
    bucketMs: every === null ? undefined : durationOf(every),
    function: oneOf<HistoryFunction>(asked, "function", historyFunctions),
    order: oneOf(asked, "order", ["ascending", "descending"] as const),
    limit: limitOf(asked),
    after: cursorOf(asked.get("after")),
  };
}

/** One answer's worth of rows. Rejects like `History.query`, and with ConfigError (`bad-query`). */
export async function answerHistory(
  history: { query(query: HistoryQuery): AsyncIterable<HistoryPage> },
  asked: URLSearchParams,
  now: number,
): Promise<HistoryAnswer> {
  const query = historyQueryOf(asked, now);
  const series: HistorySeriesJson[] = [];
  let left = query.limit;
  let next: string | undefined;
  for await (const { point, unit, rows } of history.query(query)) {
    left -= rows.length;
    const last = rows.at(-1);
    if (last && left <= 0) next = `${last.time}@${unit ?? ""}@${point}`;
    series.push({ point, ...(unit === undefined ? {} : { unit }), rows: rows.map(rowToJson) });
  }
  return { device: query.device, series, ...(next === undefined ? {} : { next }) };
}

function rowToJson({ time, quality, value, count }: HistoryRow): HistoryRowJson {
  return {
    time,
    quality,
    ...(value === undefined ? {} : { value: valueToJson(value) }),
    ...(count === undefined ? {} : { count }),
  };
}

function momentOf(asked: URLSearchParams, key: string): number | undefined {
  const text = asked.get(key);
  if (text === null) return undefined;
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(ms)) throw bad(`${key} is no time: "${text}"`);
  return ms;
}

function durationOf(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error));
  }
}

function limitOf(asked: URLSearchParams): number {
  const text = asked.get("limit");
  if (text === null) return maxRows;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw bad(`limit is no whole number from 1: "${text}"`);
  return Math.min(maxRows, Number(text));
}

function oneOf<T extends string>(asked: URLSearchParams, key: string, words: readonly T[]): T | undefined {
  const text = asked.get(key);
  if (text === null) return undefined;
  const found = words.find((word) => word === text);
  if (!found) throw bad(`${key} is one of ${words.join(", ")}`);
  return found;
}

function cursorOf(text: string | null): HistoryQuery["after"] {
  if (text === null) return undefined;
  const [, time, unit = "", point = ""] = /^(\d{1,15})@([^@]*)@(.*)$/.exec(text) ?? [];
  if (time === undefined) throw bad(`after is nothing that an answer gave: "${text}"`);
  return { time: Number(time), unit, point };
}

function bad(text: string): ConfigError {
  return new ConfigError(text, { code: "bad-query" });
}

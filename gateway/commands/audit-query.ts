import { ConfigError } from "../model/errors.ts";
import { type AuditLine, parseAuditLine } from "./audit-line.ts";
import { firstLineOf } from "./audit-segments.ts";

/** What is wanted; everything that is given must fit. */
export interface AuditFilter {
  /** Unix ms, included. A line without a time counts as the last one before it that has one. */
  readonly from?: number | undefined;
  /** Unix ms, not included. */
  readonly to?: number | undefined;
  /** A name, or its beginning with `*`. */
  readonly who?: string | undefined;
  readonly what?: string | undefined;
  /** Of the detail. */
  readonly device?: string | undefined;
  /** Lines with a higher number. */
  readonly after?: number | undefined;
}

/** A line as it stands in the file: only that can be verified. */
export interface AuditText {
  readonly text: string;
  /** Undefined: damaged. Only without a filter. */
  readonly line: AuditLine | undefined;
}

/** What `GET /v1/audit-log` answers. */
export interface AuditLogAnswer {
  /** Lines as they stand in the files, each a JSON text. */
  readonly lines: readonly string[];
  /** There may be more: ask again with `after` set to this. */
  readonly next?: number | undefined;
}

const maxLines = 1_000;
const maxTextBytes = 1_000_000;

/** Segments that may hold a line after this one. */
export function segmentsFrom(names: readonly string[], after: number): string[] {
  // Also the one that ends with it: what is damaged behind it is still to be shown.
  return names.filter((_, place) => {
    const next = names[place + 1];
    return next === undefined || (firstLineOf(next) ?? 0) > after;
  });
}

/** Picks from all lines, in their order. Damaged ones are given only where nothing but `after` is asked for. */
export async function* filtered(
  lines: AsyncIterable<string>,
  filter: AuditFilter,
): AsyncGenerator<AuditText> {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY, after = 0 } = filter;
  const everything = [filter.from, filter.to, filter.who, filter.what, filter.device].every(
    (one) => one === undefined,
  );
  let time = Number.NEGATIVE_INFINITY;
  let reached = after === 0;
  for await (const text of lines) {
    const line = parseAuditLine(text);
    if (!line) {
      if (everything && reached) yield { text, line };
      continue;
    }
    time = line.time ?? time;
    reached ||= line.n >= after;
    if (line.n <= after || time < from || time >= to) continue;
    if (!fits(line.who, filter.who) || !fits(line.what, filter.what)) continue;
    if (filter.device !== undefined && line.detail.device !== filter.device) continue;
    yield { text, line };
  }
}

function fits(text: string, wanted: string | undefined): boolean {
  if (wanted === undefined) return true;
  return wanted.endsWith("*") ? text.startsWith(wanted.slice(0, -1)) : text === wanted;
}

/**
 * The query of `GET /v1/audit-log`: `from`, `to` (Unix ms or ISO 8601), `who`, `what`, `device`, `after`,
 * `limit` (lines, at most 1000). Throws ConfigError (`bad-query`).
 */
export function auditFilterOf(query: URLSearchParams): AuditFilter & { readonly limit: number } {
  const known = new Set(["from", "to", "who", "what", "device", "after", "limit"]);
  for (const key of query.keys()) if (!known.has(key)) throw bad(`there is no ${key}`);
  return {
    from: momentOf(query, "from"),
    to: momentOf(query, "to"),
    who: query.get("who") ?? undefined,
    what: query.get("what") ?? undefined,
    device: query.get("device") ?? undefined,
    after: wholeOf(query, "after") ?? 0,
    limit: Math.min(maxLines, wholeOf(query, "limit") ?? maxLines),
  };
}

/** One page of the log. */
export async function answerAuditLog(
  audit: { query(filter: AuditFilter): AsyncIterable<AuditText> },
  query: URLSearchParams,
): Promise<AuditLogAnswer> {
  const { limit, ...filter } = auditFilterOf(query);
  const lines: string[] = [];
  let bytes = 0;
  for await (const { text, line } of audit.query(filter)) {
    lines.push(text);
    bytes += text.length;
    if (line && (lines.length >= limit || bytes >= maxTextBytes)) return { lines, next: line.n };
  }
  return { lines };
}

function momentOf(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null) return undefined;
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(ms)) throw bad(`${key} is no time: "${text}"`);
  return ms;
}

function wholeOf(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw bad(`${key} is no whole number: "${text}"`);
  return Number(text);
}

function bad(text: string): ConfigError {
  return new ConfigError(text, { code: "bad-query" });
}

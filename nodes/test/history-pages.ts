import type { ReadingJson } from "../../gateway/model/json.ts";
import { qualities } from "../../gateway/model/quality.ts";
import type { HistoryPage, HistoryQuery } from "../../gateway/telemetry/history-query.ts";

/** One page a point. */
export async function* pagesOf(
  kept: readonly ReadingJson[],
  { device, points = [], from, to, limit = 1000 }: HistoryQuery,
): AsyncIterable<HistoryPage> {
  const rows = kept
    .map((one) => ({ ...one, time: Date.parse(one.time ?? "") }))
    .filter((one) => one.device === device && one.time >= from && one.time < to)
    .filter((one) => points.length === 0 || points.includes(one.point))
    .slice(0, limit);
  for (const point of new Set(rows.map((one) => one.point))) {
    const mine = rows.filter((one) => one.point === point);
    yield {
      device,
      point,
      unit: mine[0]?.unit,
      rows: mine.map(({ time, quality, value }) => ({
        time,
        quality: qualities.find((one) => one === quality) ?? "comm-error",
        value,
      })),
    };
  }
}

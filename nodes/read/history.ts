import type { NodeMessage } from "node-red";
import type { ReadingJson } from "../../gateway/model/json.ts";
import type { JsonValue } from "../client/answers.ts";
import type { Client } from "../client/client.ts";
import { matches } from "../client/filter.ts";
import type { Clock } from "../clock.ts";
import { windowOf } from "./window.ts";

/** As `GET /v1/history` answers. */
interface HistoryJson {
  readonly device: string;
  readonly series: readonly {
    readonly point: string;
    readonly unit?: string;
    readonly rows: readonly { readonly time: number; readonly quality: string; readonly value?: JsonValue }[];
  }[];
  readonly next?: string;
}

export interface HistoryOptions {
  readonly device: string;
  /** With `*` for several. */
  readonly point: string;
  /** Of the window, where the message has none. */
  readonly minutes: number;
  readonly limit: number;
}

/** What was measured earlier, the oldest first, and whether there is more. Rejects with ClientError. */
export async function readHistory(
  { device, point, minutes, limit }: HistoryOptions,
  msg: NodeMessage,
  client: Client,
  clock: Clock,
): Promise<{ readings: readonly ReadingJson[]; more: boolean }> {
  const query = new URLSearchParams({
    device,
    ...(point.includes("*") ? {} : { point }),
    ...windowOf(msg, minutes, clock),
    limit: String(limit),
  });
  const { series, next } = await client.get<HistoryJson>(`/v1/history?${query}`);
  const rows = series.flatMap(({ point: name, unit, rows: all }) =>
    all.map((row) => ({ ...row, point: name, ...(unit === undefined ? {} : { unit }) })),
  );
  const readings = rows
    .sort((a, b) => a.time - b.time)
    .map(({ time, ...rest }) => ({ device, ...rest, time: new Date(time).toISOString() }))
    .filter((one) => matches({ device, point }, one));
  return { readings, more: next !== undefined };
}

import type { Command } from "commander";
import type { LocalClient } from "../local/client.ts";
import type { HistoryAnswer, HistoryRowJson, HistorySeriesJson } from "../telemetry/history-answer.ts";
import { historyFunctions } from "../telemetry/history-query.ts";
import type { CliContext } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { momentHelp, parseMoment } from "./moment.ts";
import { table } from "./table.ts";

interface Options {
  readonly socket?: string;
  readonly from: string;
  readonly to: string;
  readonly every?: string;
  readonly function?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

export function historyCommand(context: CliContext): Command {
  return command("history", "show what a running gateway has recorded of a device", [
    "stadsnod history meter-1",
    "stadsnod history meter-1 power --from 24h --every 15m",
    "stadsnod history meter-1 power --from 2026-11-01 --to 2026-11-08 --every 1h --function max --csv",
  ])
    .argument("<device>", "device id of gateway.yaml")
    .argument("[points...]", "points to show; all when none is given")
    .addOption(socketOption())
    .option("--from <time>", momentHelp, "2h")
    .option("--to <time>", "likewise, not included", "now")
    .option("--every <duration>", "one row per 15m, 1h, ...; without it every reading")
    .option("--function <name>", `of --every: ${historyFunctions.join(", ")} (default: mean)`)
    .option("--json", "one row per line as JSON")
    .option("--csv", "comma-separated values with a header")
    .action(async (device: string, points: string[], options: Options) => {
      const asked = queryOf(device, points, options);
      const show = options.json
        ? new JsonRows(context)
        : options.csv
          ? new CsvRows(context)
          : new Tables(context);
      const client = await daemonOf(context, options);
      for await (const series of allSeries(client, asked, context.signal)) show.take(device, series);
      show.end();
    });
}

function queryOf(device: string, points: readonly string[], options: Options): URLSearchParams {
  const now = Date.now();
  const asked = new URLSearchParams({
    device,
    from: String(Math.floor(parseMoment(options.from, now))),
    to: String(Math.ceil(parseMoment(options.to, now))),
  });
  for (const point of points) asked.append("point", point);
  if (options.every !== undefined) asked.set("every", options.every);
  if (options.function !== undefined) asked.set("function", options.function);
  return asked;
}

async function* allSeries(
  client: LocalClient,
  asked: URLSearchParams,
  signal: AbortSignal,
): AsyncGenerator<HistorySeriesJson> {
  for (;;) {
    signal.throwIfAborted();
    const { series, next } = await client.get<HistoryAnswer>(`/v1/history?${asked}`);
    yield* series;
    if (next === undefined) return;
    asked.set("after", next);
  }
}

interface Shown {
  take(device: string, series: HistorySeriesJson): void;
  end(): void;
}

class JsonRows implements Shown {
  readonly #context: CliContext;
  constructor(context: CliContext) {
    this.#context = context;
  }
  take(device: string, { point, unit, rows }: HistorySeriesJson): void {
    for (const { time, ...row } of rows) {
      const line = { device, point, time: new Date(time).toISOString(), ...row, ...(unit ? { unit } : {}) };
      this.#context.out(`${JSON.stringify(line)}\n`);
    }
  }
  end(): void {}
}

class CsvRows implements Shown {
  readonly #context: CliContext;
  constructor(context: CliContext) {
    this.#context = context;
    context.out("device,point,time,value,unit,quality,count\n");
  }
  take(device: string, { point, unit = "", rows }: HistorySeriesJson): void {
    for (const { time, value = "", quality, count = "" } of rows) {
      const cells = [device, point, new Date(time).toISOString(), value, unit, quality, count];
      this.#context.out(`${cells.map((cell) => csvCell(cell)).join(",")}\n`);
    }
  }
  end(): void {}
}

/** RFC 4180; what a spreadsheet would take for a formula gets an apostrophe before it. */
function csvCell(cell: string | number | boolean): string {
  if (typeof cell !== "string") return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** More rows are for a file, not for eyes: of each point the last ones are shown. */
const shownRows = 1_000;

/** A table for each point, below its curve in one line. */
class Tables implements Shown {
  readonly #context: CliContext;
  #point: HistorySeriesJson | undefined;
  #rows: HistoryRowJson[] = [];
  #hidden = 0;
  #any = false;
  constructor(context: CliContext) {
    this.#context = context;
  }

  take(_device: string, series: HistorySeriesJson): void {
    if (series.point !== this.#point?.point || series.unit !== this.#point.unit) this.#print();
    this.#point = series;
    this.#rows.push(...series.rows);
    const more = this.#rows.length - shownRows;
    if (more <= 0) return;
    this.#rows.splice(0, more);
    this.#hidden += more;
  }

  end(): void {
    this.#print();
    if (!this.#any) this.#context.out("nothing was recorded in that time\n");
  }

  #print(): void {
    const rows = this.#rows;
    if (this.#point && rows.length > 0) {
      const { point, unit = "" } = this.#point;
      const { columns } = this.#context;
      const curve = columns === undefined ? "" : sparkline(rows, Math.min(60, columns - 2));
      const counted = rows.some(({ count }) => count !== undefined);
      const cells = rows.map((row) => [
        new Date(row.time).toISOString(),
        valueText(row),
        unit,
        row.quality,
        ...(counted ? [String(row.count ?? "")] : []),
      ]);
      const header = ["time (UTC)", "value", "unit", "quality", ...(counted ? ["readings"] : [])];
      const hidden = this.#hidden > 0 ? `... ${this.#hidden} rows before these (--csv shows all)\n` : "";
      this.#context.out(
        `${this.#any ? "\n" : ""}${point}${curve && `  ${curve}`}\n${hidden}${table(header, cells, columns)}\n`,
      );
      this.#any = true;
    }
    this.#rows = [];
    this.#hidden = 0;
  }
}

function valueText({ value }: HistoryRowJson): string {
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(7)));
  return value === undefined ? "-" : String(value);
}

const bars = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";

/** Numbers in at most `width` bars between their least and their largest, each at its time; a blank where there is none. */
export function sparkline(rows: readonly HistoryRowJson[], width: number): string {
  const known = rows.flatMap(({ time, value }) => (typeof value === "number" ? [{ time, value }] : []));
  const [first] = known;
  const last = known.at(-1);
  if (!first || !last || known.length < 2 || width < 1) return "";
  const least = known.reduce((a, { value }) => Math.min(a, value), first.value);
  const most = known.reduce((a, { value }) => Math.max(a, value), first.value);
  const count = Math.min(width, rows.length);
  const places = Array.from({ length: count }, () => ({ sum: 0, count: 0 }));
  for (const { time, value } of known) {
    const part = last.time === first.time ? 0 : (time - first.time) / (last.time - first.time);
    const place = places[Math.min(count - 1, Math.floor(part * count))];
    if (!place) continue;
    place.sum += value;
    place.count++;
  }
  return places
    .map(({ sum, count: inside }) => {
      if (inside === 0) return " ";
      const share = most === least ? 0 : (sum / inside - least) / (most - least);
      return bars[Math.round(share * (bars.length - 1))];
    })
    .join("");
}

import type { Command } from "commander";
import type { ReadingJson } from "../model/json.ts";
import type { CliContext } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { table } from "./table.ts";

export function watchCommand(context: CliContext): Command {
  return command("watch", "show readings of a running gateway as they come", [
    "stadsnod watch",
    "stadsnod watch --device meter-1",
    "stadsnod watch --json | jq .value",
  ])
    .addOption(socketOption())
    .option("-d, --device <id>", "only this device")
    .option("-p, --point <name>", "only this point")
    .option("--json", "one reading per line as JSON")
    .action(async (options: { socket: string; device?: string; point?: string; json?: boolean }) => {
      const query = new URLSearchParams();
      if (options.device) query.set("device", options.device);
      if (options.point) query.set("point", options.point);
      const live = options.json || context.columns === undefined ? undefined : new LiveTable(context);
      const stream = daemonOf(context, options).events<ReadingJson[] | number>(
        `/v1/readings?${query}`,
        context.signal,
      );
      for await (const { data } of stream) {
        if (typeof data === "number") {
          context.err(`stadsnod: too slow, ${data} readings were left out\n`);
        } else if (live) live.add(data);
        else
          context.out(
            `${data.map((reading) => (options.json ? JSON.stringify(reading) : line(reading))).join("\n")}\n`,
          );
      }
    });
}

/** The latest reading of each point, redrawn in place. */
export class LiveTable {
  readonly #context: CliContext;
  readonly #rows = new Map<string, ReadingJson>();
  #drawn = 0;

  constructor(context: CliContext) {
    this.#context = context;
  }

  add(readings: readonly ReadingJson[]): void {
    for (const reading of readings) this.#rows.set(`${reading.device} ${reading.point}`, reading);
    const text = readingTable([...this.#rows.values()], this.#context.columns);
    // Back to the first line of what was drawn, then everything anew.
    this.#context.out(`${this.#drawn > 0 ? `\x1b[${this.#drawn}F\x1b[J` : ""}${text}\n`);
    this.#drawn = text.split("\n").length;
  }
}

export function readingTable(readings: readonly ReadingJson[], width?: number): string {
  return table(
    ["device", "point", "value", "unit", "quality", "time"],
    readings
      .toSorted((a, b) => a.device.localeCompare(b.device) || a.point.localeCompare(b.point))
      .map((reading) => [
        reading.device,
        reading.point,
        shown(reading),
        reading.unit ?? "",
        reading.quality,
        reading.time?.slice(11, 19) ?? `boot+${((reading.bootMs ?? 0) / 1000).toFixed(0)} s`,
      ]),
    width,
  );
}

function shown(reading: ReadingJson): string {
  const { value } = reading;
  // Binary floats of meters carry more digits than the device measures; people see seven significant ones.
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(7)));
  return value === undefined ? "-" : String(value);
}

export function line(reading: ReadingJson): string {
  const what =
    reading.quality === "good" ? `${shown(reading)} ${reading.unit ?? ""}`.trimEnd() : `(${reading.quality})`;
  return `${reading.time ?? `boot+${reading.bootMs} ms`} ${reading.device} ${reading.point} ${what}`;
}

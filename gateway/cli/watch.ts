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
    .action(async (options: { socket?: string; device?: string; point?: string; json?: boolean }) => {
      const query = new URLSearchParams();
      if (options.device) query.set("device", options.device);
      if (options.point) query.set("point", options.point);
      using live = options.json || context.columns === undefined ? undefined : new LiveTable(context);
      const stream = (await daemonOf(context, options)).events<ReadingJson[] | number>(
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

/** Redrawing more often than an eye follows only costs the terminal. */
const redrawMs = 200;

/** The latest reading of each point, redrawn in place; as many rows per device as the terminal has room for. */
export class LiveTable implements Disposable {
  readonly #context: CliContext;
  /** By device, points in order of first appearance: a profile names the important ones first. */
  readonly #devices = new Map<string, Map<string, ReadingJson>>();
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: CliContext) {
    this.#context = context;
  }

  add(readings: readonly ReadingJson[]): void {
    for (const reading of readings) {
      const points = this.#devices.get(reading.device) ?? new Map<string, ReadingJson>();
      points.set(reading.point, reading);
      this.#devices.set(reading.device, points);
    }
    this.#timer ??= setTimeout(() => this.#draw(), redrawMs);
  }

  [Symbol.dispose](): void {
    if (this.#timer) this.#draw();
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const devices = [...this.#devices.keys()]
      .toSorted()
      .map((device) => [...this.#devices.get(device)!.values()]);
    const room = (this.#context.rows ?? 40) - 4;
    const shown = fairly(devices, room);
    const hidden = devices.reduce((sum, points) => sum + points.length, 0) - shown.length;
    const more = hidden > 0 ? `\n... and ${hidden} more points` : "";
    const text = `${readingTable(shown, this.#context.columns)}${more}`;
    // Back to the first line of what was drawn, then everything anew.
    this.#context.out(`${this.#drawn > 0 ? `\x1b[${this.#drawn}F\x1b[J` : ""}${text}\n`);
    this.#drawn = text.split("\n").length;
  }
}

/** As many of each as fit together: nobody is left out while another has many. */
function fairly<T>(groups: readonly (readonly T[])[], room: number): T[] {
  let each = 1;
  while (groups.some((group) => group.length > each) && count(groups, each + 1) <= room) each++;
  return groups.flatMap((group) => group.slice(0, each));
}

function count(groups: readonly (readonly unknown[])[], each: number): number {
  return groups.reduce((sum, group) => sum + Math.min(group.length, each), 0);
}

export function readingTable(readings: readonly ReadingJson[], width?: number): string {
  return table(
    ["device", "point", "value", "unit", "quality", "time"],
    readings.map((reading) => [
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

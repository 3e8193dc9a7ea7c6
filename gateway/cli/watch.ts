import type { Command } from "commander";
import type { ReadingJson } from "../model/json.ts";
import type { CliContext } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { defaultRows, LiveText } from "./live.ts";
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

/** The latest reading of each point, redrawn in place; as many rows per device as the terminal has room for. */
class LiveTable implements Disposable {
  readonly #readings = new LatestReadings();
  readonly #live: LiveText;

  constructor(context: CliContext) {
    this.#live = new LiveText(context, () =>
      this.#readings.text((context.rows ?? defaultRows) - 1, context.columns),
    );
  }

  add(readings: readonly ReadingJson[]): void {
    this.#readings.add(readings);
    this.#live.changed();
  }

  [Symbol.dispose](): void {
    this.#live[Symbol.dispose]();
  }
}

/** The latest reading of each point. */
export class LatestReadings {
  readonly #devices = new Map<string, Map<string, ReadingJson>>();
  readonly #rank: (reading: ReadingJson) => number;

  /** @param rank of a device's points, the most important first; by default they stand as they first appear */
  constructor(rank: (reading: ReadingJson) => number = () => 0) {
    this.#rank = rank;
  }

  add(readings: readonly ReadingJson[]): void {
    for (const reading of readings) {
      const points = this.#devices.get(reading.device) ?? new Map<string, ReadingJson>();
      points.set(reading.point, reading);
      this.#devices.set(reading.device, points);
    }
  }

  /** A table of at most so many lines. */
  text(lines: number, columns?: number): string {
    const devices = [...this.#devices.keys()]
      .toSorted()
      .map((device) =>
        [...this.#devices.get(device)!.values()].toSorted((a, b) => this.#rank(a) - this.#rank(b)),
      );
    // Header and rule, and the line that counts what is not shown.
    const room = Math.max(1, lines - 3);
    const shown = fairly(devices, room).slice(0, room);
    const hidden = devices.reduce((sum, points) => sum + points.length, 0) - shown.length;
    const more = hidden > 0 ? `\n... and ${hidden} more points` : "";
    return `${readingTable(shown, columns)}${more}`;
  }
}

/** As many of each as fit together, and one more of the first ones: nobody is left out while another has many. */
function fairly<T>(groups: readonly (readonly T[])[], room: number): T[] {
  let each = 1;
  while (groups.some((group) => group.length > each) && count(groups, each + 1) <= room) each++;
  let left = room - count(groups, each);
  return groups.flatMap((group) => {
    const more = left > 0 && group.length > each ? 1 : 0;
    left -= more;
    return group.slice(0, each + more);
  });
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

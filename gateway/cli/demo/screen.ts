import type { Asked } from "../../../simulators/scenes/control-room.ts";
import type { ReadingJson } from "../../model/json.ts";
import type { CliContext } from "../context.ts";
import { LiveText, linesOf } from "../live.ts";
import { LatestReadings, line } from "../watch.ts";
import { CommandPanel, commandLine } from "./commands.ts";

/** Where the demonstration shows what happens. */
export interface Screen extends Disposable {
  /** Whether it draws over what it drew. */
  readonly live: boolean;
  reading(reading: ReadingJson): void;
  command(asked: Asked): void;
  /** Lines that stay in sight. */
  footer(text: string): void;
}

/** A terminal that is smaller gets lines: a table that is cut off shows nobody what happened. */
const leastColumns = 76;
const leastRows = 20;
/** What the table of readings takes when each device of the demonstration has one row. */
const tableLines = 31;
const leastCommands = 4;
const mostCommands = 12;

/** @param rank see LatestReadings */
export function openScreen(
  context: CliContext,
  { quiet, rank }: { readonly quiet: boolean; readonly rank: (reading: ReadingJson) => number },
): Screen {
  if (quiet) return { live: false, reading() {}, command() {}, footer() {}, [Symbol.dispose]() {} };
  const { columns, rows } = context;
  if (columns === undefined || rows === undefined || columns < leastColumns || rows < leastRows)
    return {
      live: false,
      reading: (reading) => context.out(`${line(reading)}\n`),
      command: (asked) => context.out(`${commandLine(asked)}\n`),
      footer: (text) => context.out(`${text}\n`),
      [Symbol.dispose]() {},
    };
  return new LiveScreen(context, { columns, rows, rank });
}

/** Telemetry above, commands below, and the footer. */
class LiveScreen implements Screen {
  readonly live = true;
  readonly #readings: LatestReadings;
  readonly #commands = new CommandPanel();
  readonly #live: LiveText;
  #footer = "";

  constructor(
    context: CliContext,
    {
      columns,
      rows,
      rank,
    }: { readonly columns: number; readonly rows: number; readonly rank: (reading: ReadingJson) => number },
  ) {
    this.#readings = new LatestReadings(rank);
    this.#live = new LiveText(context, () => this.#text(columns, rows - 1));
  }

  reading(reading: ReadingJson): void {
    this.#readings.add([reading]);
    this.#live.changed();
  }

  command(asked: Asked): void {
    this.#commands.add(asked);
    this.#live.changed();
  }

  footer(text: string): void {
    this.#footer = text;
    this.#live.changed();
  }

  [Symbol.dispose](): void {
    this.#live[Symbol.dispose]();
  }

  #text(columns: number, lines: number): string {
    const roomy = lines >= 40;
    const footer = this.#footer === "" ? "" : `${roomy ? "\n" : ""}\n${this.#footer}`;
    const footerLines = footer === "" ? 0 : linesOf(this.#footer, columns) + Number(roomy);
    // Title, header and rule of the panel, and the empty line above it.
    const panelHead = 4;
    const left = lines - tableLines - footerLines - panelHead;
    const commands = Math.min(mostCommands, Math.max(leastCommands, left));
    const panel = this.#commands.text(commands, columns);
    const readings = this.#readings.text(lines - footerLines - panelHead - commands, columns);
    return `${readings}\n\n${panel}${footer}`;
  }
}

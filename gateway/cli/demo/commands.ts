import type { Asked } from "../../../simulators/scenes/control-room.ts";
import { table } from "../table.ts";

type Told = Asked["told"][number];

export const panelTitle = "Commands: what the city asked and what really happened";

/** The newest commands as a panel of at most so many rows, oldest first. */
export class CommandPanel {
  /** In the order in which they were asked for. */
  readonly #asked = new Map<string, Asked>();

  add(asked: Asked): void {
    this.#asked.set(asked.id, asked);
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > 50 && oldest !== undefined) this.#asked.delete(oldest);
  }

  text(rows: number, columns: number): string {
    const shown = [...this.#asked.values()].slice(-rows);
    const heads = shown.map((asked) => [timeOf(asked.time), asked.device, asked.point, askedFor(asked)]);
    const header = ["time", "device", "point", "value"];
    const widths = header.map((title, column) =>
      Math.max(title.length, ...heads.map((head) => [...(head[column] ?? "")].length)),
    );
    const room = columns - widths.reduce((sum, width) => sum + width + 2, 0);
    const cells = shown.map((asked, index) => [...(heads[index] ?? []), history(asked, room)]);
    return `${panelTitle}\n${table([...header, "what happened"], cells, columns)}`;
  }
}

/** The newest of a command as a line, for where nothing can be drawn over. */
export function commandLine(asked: Asked): string {
  const what = `${asked.device} ${asked.point} ${askedFor(asked)}`;
  const newest = asked.told.at(-1);
  return `${new Date(asked.time).toISOString()} command by ${asked.issuer}: ${what}: ${newest ? wordOf(asked, newest) : "sent"}`;
}

/** The states as they came; where there is no room, the last ones. */
export function history(asked: Asked, room: number): string {
  const words = asked.told.map((told) => wordOf(asked, told));
  if (!asked.own) words.unshift(`by ${asked.issuer}`);
  if (words.length === 0) return "sent to the broker";
  for (let from = 0; from < words.length; from++) {
    const text = `${from > 0 ? "… " : ""}${words.slice(from).join(" → ")}`;
    if ([...text].length <= room || from === words.length - 1) return text;
  }
  return "";
}

function wordOf(asked: Asked, told: Told): string {
  const { state, stage } = told;
  const code = typeof told.code === "string" ? told.code : undefined;
  const text = typeof told.text === "string" ? told.text : "";
  // The stages of a slow far side say more than the state that they are stages of.
  if (told.last !== true) return String(stage ?? state);
  if (state === "succeeded") return `succeeded: ${proof(asked, told)}`;
  if (state === "expired") return `expired: ${text}`;
  const accepted = asked.told.some((one) => one.state === "accepted");
  return `${accepted || !asked.own ? "failed" : "refused"}: ${code ?? ""}${text ? ` (${text})` : ""}`;
}

/** How it is known that it was done. */
function proof(asked: Asked, { value, verified, unchanged, text }: Told): string {
  if (value === undefined) return "confirmed";
  const shown = `${String(value)}${asked.unit ? ` ${asked.unit}` : ""}`;
  if (unchanged === true) return `${shown}, it was that already`;
  // Of others' commands only the end is told, not how it went.
  if (verified === true && !asked.own) return `${shown}, the device shows it`;
  const byRadio = asked.told.some(({ stage }) => stage === "sent");
  if (verified === true) return `${shown}, ${byRadio ? "confirmed by its next uplink" : "read back"}`;
  return `${shown}, ${typeof text === "string" ? text : "not read back"}`;
}

function askedFor({ value, unit }: Asked): string {
  return value === undefined ? "" : `${String(value)}${unit ? ` ${unit}` : ""}`;
}

function timeOf(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(11, 19);
}

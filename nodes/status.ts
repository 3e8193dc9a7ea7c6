import type { NodeStatus } from "node-red";
import type { ReadingJson } from "../gateway/model/json.ts";
import type { Clock } from "./clock.ts";

// What stands under a node. Words are keys of the catalogue, which the editor puts into the reader's
// language; values are as they are.

/** No gateway. */
export const awayStatus: NodeStatus = { fill: "red", shape: "ring", text: "status.away" };
export const connectingStatus: NodeStatus = { fill: "yellow", shape: "ring", text: "status.connecting" };
export const noGatewayStatus: NodeStatus = { fill: "red", shape: "ring", text: "status.no-gateway" };

/** All is well: green dot. */
export function goodStatus(text: string): NodeStatus {
  return { fill: "green", shape: "dot", text };
}

/** Something is missing: yellow ring. */
export function warningStatus(text: string): NodeStatus {
  return { fill: "yellow", shape: "ring", text };
}

/** It went wrong: red dot. */
export function failedStatus(text: string): NodeStatus {
  return { fill: "red", shape: "dot", text };
}

/** Value, unit and, from 10 s on, age; or why there is no value. */
export function readingStatus(reading: ReadingJson, ageMs: number | undefined): NodeStatus {
  if (reading.quality !== "good" || reading.value === undefined)
    return warningStatus(`quality.${reading.quality}`);
  const value = valueText(reading.value, reading.unit);
  return goodStatus(ageMs !== undefined && ageMs >= 10_000 ? `${value} · ${ageText(ageMs)}` : value);
}

/** At most six digits, and 30 characters of a text. */
export function valueText(value: unknown, unit?: string): string {
  const text =
    typeof value === "number" ? String(Number(value.toPrecision(6))) : plainText(value).slice(0, 30);
  return unit === undefined ? text : `${text} ${unit}`;
}

/** A message may bring a `toString` of its own that is none. */
function plainText(value: unknown): string {
  return typeof value === "object" && value !== null ? (Array.isArray(value) ? "[…]" : "{…}") : String(value);
}

/** `40 s`, `3 min`, `2 h`, `5 d`; seconds in tens. */
export function ageText(ms: number): string {
  if (ms < 60_000) return `${Math.floor(ms / 10_000) * 10} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

const leastGapMs = 500;

/** Shows a node's status at most twice a second, and only when it has changed: editors are told of each. */
export class StatusLine implements Disposable {
  readonly #show: (status: NodeStatus) => void;
  readonly #clock: Clock;
  #shown: string | undefined;
  #next: NodeStatus | undefined;
  #gap: Disposable | undefined;

  constructor(node: { status(status: NodeStatus): void }, clock: Clock) {
    this.#show = (status) => node.status(status);
    this.#clock = clock;
  }

  show(status: NodeStatus): void {
    this.#next = status;
    if (!this.#gap) this.#flush();
  }

  [Symbol.dispose](): void {
    this.#gap?.[Symbol.dispose]();
    this.#next = undefined;
  }

  #flush(): void {
    const status = this.#next;
    this.#next = undefined;
    this.#gap = undefined;
    if (!status) return;
    const key = `${status.fill} ${status.shape} ${status.text}`;
    if (key === this.#shown) return;
    this.#shown = key;
    this.#show(status);
    this.#gap = this.#clock.timer(leastGapMs, () => this.#flush());
  }
}

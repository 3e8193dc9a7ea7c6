import type { Command, CommandOrigin, CommandResult, Priority, ReplyTo } from "../model/command.ts";
import type { Value } from "../model/value.ts";
import type { Moment } from "./moment.ts";
import type { HoldTime } from "./rules.ts";

/** A command with everything that became of it: what the ledger keeps. */
export interface Entry {
  readonly key: string;
  readonly command: Command;
  readonly origin: CommandOrigin;
  readonly received: Moment;
  /** Ms after `received` when it is no longer to be begun. */
  readonly lifeMs: number;
  readonly refused: boolean;
  /** At least one, the present one last. */
  states: readonly CommandResult[];
  /** The far sides that hear of it. */
  readonly tellings: Map<string, Telling>;
  /** Physical writes that its acceptance took from budgets, by point; only while it is open. */
  readonly reserved: ReadonlyMap<string, Reserved>;
  phase: Phase;
  /** Resolves when its first state is durable. */
  saved: Promise<void>;
}

export interface Reserved {
  /** Of one attempt. */
  readonly each: number;
  readonly total: number;
}

/** `ending`: its last word is on its way to the disk. */
export type Phase = "armed" | "waiting" | "running" | "ending" | "ended";

export interface Telling {
  /** How many of its states this far side has taken. */
  told: number;
  readonly reply?: ReplyTo | undefined;
}

/** What was last carried out on a point, by whom, and who holds it. */
export interface Standing {
  readonly device: string;
  readonly point: string;
  readonly value: Value;
  readonly by: CommandOrigin["kind"];
  readonly at: Moment;
  readonly hold?:
    | { readonly priority: Priority; readonly issuer: string; readonly time: HoldTime }
    | undefined;
  /** Given up by a release: nothing is kept alive, nothing falls back. */
  readonly released: boolean;
  /** Nobody knows whether the device took `value`, and nothing is known of before. */
  readonly uncertain?: boolean | undefined;
}

/** Physical writes of one point. */
export interface WearCount {
  readonly device: string;
  readonly point: string;
  readonly lifetime: number;
  /** Of the last day, an hour or less in each. */
  readonly hours: readonly { readonly at: Moment; readonly count: number }[];
}

/** One id of one issuer. */
export function entryKey(command: Pick<Command, "issuer" | "id">): string {
  return `${command.issuer}\n${command.id}`;
}

export function pointKey(one: { readonly device: string; readonly point: string }): string {
  return `${one.device}\n${one.point}`;
}

/** The present state. */
export function present(entry: Pick<Entry, "states">): CommandResult {
  const result = entry.states.at(-1);
  if (!result) throw new RangeError("an entry without a state");
  return result;
}

/** Whether two commands ask for the same: what an id stands for must not change. */
export function sameCommand(a: Command, b: Command): boolean {
  return fingerprint(a) === fingerprint(b);
}

function fingerprint(command: Command): string {
  const { device, point, action, value, confirms, issuedAt, expiry, priority } = command;
  const shown =
    value instanceof Uint8Array
      ? ["bytes", Buffer.from(value).toString("hex")]
      : [typeofValue(value), String(value)];
  const until = "at" in expiry ? ["at", expiry.at] : ["in", expiry.inMs];
  return JSON.stringify([device, point, action, shown, confirms, issuedAt, until, priority]);
}

/** 5 and 5n are one number on their way through CBOR. */
function typeofValue(value: Value | undefined): string {
  return typeof value === "bigint" ? "number" : typeof value;
}

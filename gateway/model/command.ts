import type { Instant } from "./clock.ts";
import type { Value } from "./value.ts";
import { refusals as valueRefusals } from "./write.ts";

// What is asked of a writable point, and what became of it. One path for the city, Node-RED, the web
// page, the command line, schedules and failsafes: the command desk (`commands/`).

/** Who may push whom aside, strongest first. A point held by one class refuses the weaker ones until it is released or the hold ends. */
export const priorities = ["safety", "operator", "schedule", "automation"] as const;
export type Priority = (typeof priorities)[number];

/** `release` gives up what this issuer holds on the point; `confirm` is the second step of a two-step command. */
export type CommandAction = "write" | "release" | "confirm";

/** When a command is no longer to be begun. */
export type Expiry =
  /** Unix ms. */
  | { readonly at: number }
  /** Ms after it was received. */
  | { readonly inMs: number };

/** A request to write one point of one device. */
export interface Command {
  /** Idempotency key, given by the issuer: 1 to 64 of `A-Z a-z 0-9 . _ : -`. The same id is never carried out twice. */
  readonly id: string;
  readonly device: string;
  readonly point: string;
  readonly action: CommandAction;
  /** Of `write`; in the words of the point (scaled value, label, true or false). */
  readonly value?: Value | undefined;
  /** Of `confirm`: the id of the command that waits. */
  readonly confirms?: string | undefined;
  readonly issuer: string;
  /** Unix ms. */
  readonly issuedAt?: number | undefined;
  readonly expiry: Expiry;
  readonly priority: Priority;
  /** For people: why. At most 200 characters. */
  readonly reason?: string | undefined;
}

/** Where a command came in. */
export type CommandOrigin =
  | {
      readonly kind: "northbound";
      readonly northbound: string;
      /** Where the answer is wanted, MQTT 5. */
      readonly reply?: ReplyTo | undefined;
    }
  /** The local API or the command line: a user's name, or `local` for whoever may open the socket. */
  | { readonly kind: "local"; readonly user: string }
  /** The gateway itself. */
  | { readonly kind: "schedule"; readonly schedule: string }
  | { readonly kind: "failsafe" };

export interface ReplyTo {
  readonly topic?: string | undefined;
  /** At most 64 bytes. */
  readonly correlation?: Uint8Array | undefined;
}

/**
 * `accepted`: it stands in the ledger and will get a last word, come what may. `succeeded`, `failed`
 * and `expired` are last words. A refused command is `failed` at once, with the refusal as its code.
 */
export const commandStates = ["accepted", "executing", "succeeded", "failed", "expired"] as const;
export type CommandState = (typeof commandStates)[number];

/**
 * How far a command is that is not at its end: `armed` (accepted, waits for its confirmation), and of a
 * slow far side `queued` (LoRaWAN class A: waits for the device's next uplink) and `sent`.
 */
export const commandStages = ["armed", "queued", "sent"] as const;
export type CommandStage = (typeof commandStages)[number];

/** Why a command was not carried out. Stable; part of what people and platforms see. */
export const commandRefusals = [
  "bad-form",
  "too-large",
  "unsigned",
  "bad-signature",
  "retained",
  "no-expiry",
  "expired",
  "expiry-too-long",
  "issued-in-future",
  "clock-untrusted",
  "unknown-device",
  "unknown-point",
  "not-allowed",
  "id-reused",
  ...valueRefusals,
  "overridden",
  "not-armed",
  "needs-confirmation",
  "confirmation-late",
  "rate",
  "budget",
  "busy",
  "unavailable",
] as const;

/** Why a command that was begun failed. */
export const commandFailures = [
  /** The gateway stopped while it was on its way: nobody knows whether it reached the device. Never tried again. */
  "interrupted",
  /** The device said no. */
  "refused-by-device",
  /** No or damaged answer: nobody knows whether it reached the device. */
  "no-answer",
  /** What was read back is another value. */
  "not-verified",
  "link",
  /** A slow far side gave it up. */
  "not-delivered",
  "taken-back",
  "internal",
] as const;
export type CommandCode = (typeof commandRefusals)[number] | (typeof commandFailures)[number];

/** What became of a command so far. Every one is kept and sent. */
export interface CommandResult {
  readonly id: string;
  readonly device: string;
  readonly point: string;
  readonly issuer: string;
  readonly state: CommandState;
  readonly stage?: CommandStage | undefined;
  /** Of `failed`; a protocol's own code may stand in `text`. */
  readonly code?: CommandCode | undefined;
  /** For people. */
  readonly text?: string | undefined;
  /** What the point is now: read back where `verified`, else as written. */
  readonly value?: Value | undefined;
  /** What it was before, where it was known. */
  readonly before?: Value | undefined;
  /** Whether `value` was read back; undefined where nothing shows it. */
  readonly verified?: boolean | undefined;
  /** The device held the value already: nothing was written. */
  readonly unchanged?: boolean | undefined;
  readonly time: Instant;
  /** Nothing more will come. */
  readonly last: boolean;
}

export function isLast(state: CommandState): boolean {
  return state === "succeeded" || state === "failed" || state === "expired";
}

/** What may stand in `id`. */
export const commandId = /^[A-Za-z0-9._:-]{1,64}$/;

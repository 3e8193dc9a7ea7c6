import type { Random } from "../../gateway/model/clock.ts";
import { GatewayError } from "../../gateway/model/errors.ts";

type ErrorClass = abstract new (...given: never[]) => Error;

/** One reader of bytes that strangers send, and what it is fed with. */
export interface Target {
  /** Kebab-case; the folder of its corpus. */
  readonly name: string;
  /** Its share of the inputs, beside the shares of the others. */
  readonly share: number;
  /** Fed with no more than this, however many are asked for: each costs a process or a socket. */
  readonly most?: number | undefined;
  /** Good inputs, which others are made of. */
  readonly seeds: readonly Uint8Array[];
  /** Bytes that mean something to the reader: marks, keywords, lengths. */
  readonly words?: readonly (string | Uint8Array)[] | undefined;
  /** Makes checksums and lengths right again, so that what is behind them is reached; half of the inputs go through it. */
  mend?(input: Uint8Array, random: Random): Uint8Array;
  /** An input of the target's own making; half of the inputs, where there is one. */
  make?(random: Random): Uint8Array;
  /** Reads one input. Whatever it throws or rejects with, besides `errors`, is a finding. */
  take(input: Uint8Array): unknown;
  /** What the reader says that it throws. */
  readonly errors: readonly ErrorClass[];
  /** It waits for threads of its own: what counts is how long this one is held up. */
  readonly waits?: boolean | undefined;
  /** Called when the target is done with: closes what it opened. */
  close?(): void | Promise<void>;
}

/** A target is opened when it is its turn: some have sockets and threads. */
export interface TargetSource {
  readonly name: string;
  readonly share: number;
  readonly most?: number | undefined;
  /** Instead of the least that every target gets: its inputs take ms, not µs. */
  readonly least?: number | undefined;
  open(): Target | Promise<Target>;
}

/** A target that needs no opening. */
export function ready(target: Target): TargetSource {
  return { ...target, open: () => target };
}

/** A reader did what it never may: the message says what. */
export class Violation extends Error {}

export const gatewayErrors = [GatewayError] as const;

export function latin(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

export function utf8(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

export function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(/\s+/g, ""), "hex");
}

export function pick<T>(random: Random, from: readonly T[]): T {
  const one = from[Math.floor(random() * from.length)];
  if (one === undefined) throw new Error("nothing to pick from");
  return one;
}

export function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

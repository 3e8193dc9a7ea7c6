import type { Priority } from "../model/command.ts";

/** What `commands:` of gateway.yaml allows. Nothing written there is nothing allowed. */
export interface CommandRules {
  /** Who may command what over a northbound, by the issuer's name. */
  readonly issuers: ReadonlyMap<string, IssuerRule>;
  /** The keys that northbound commands must be signed with, by key id; empty: no signature is asked for. */
  readonly trust: ReadonlyMap<string, TrustedKey>;
  /** What counts while the clock is not to be trusted: only `expiresIn`, or nothing from a northbound. */
  readonly untrustedClock: "relative" | "refuse";
  /** How long a two-step command waits for its confirmation. */
  readonly armingMs: number;
  /** Most of a line's time that commands may take while polls wait, 0..1. */
  readonly share: number;
  /** How long a class holds a point after its write; a class that is missing holds nothing. */
  readonly hold: Readonly<Partial<Record<Priority, HoldTime>>>;
}

/** Ms, or until somebody releases it. */
export type HoldTime = number | "released";

export interface IssuerRule {
  /** Names with `*` for any characters. */
  readonly devices: readonly string[];
  readonly points: readonly string[];
  /** The strongest class that it may claim. */
  readonly priority: Priority;
}

export interface TrustedKey {
  /** A public key: Ed25519 or P-256, SubjectPublicKeyInfo. */
  readonly pem: string;
  /** Whom it may speak for. */
  readonly issuers: readonly string[];
}

export const defaultRules: CommandRules = {
  issuers: new Map(),
  trust: new Map(),
  untrustedClock: "relative",
  armingMs: 60_000,
  share: 0.5,
  hold: { safety: "released", operator: 3_600_000 },
};

/** Whether one of the patterns is the name, `*` standing for any characters. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matches(pattern, name));
}

/** Linear in both lengths: a pattern is no regular expression, and cannot be made to take long. */
function matches(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === name;
  const last = rest.pop() ?? "";
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}

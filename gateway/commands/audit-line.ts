import { createHash } from "node:crypto";

// One line of the audit log: JSON, in this order of keys, as docs/audit-log.md describes it.

export interface AuditLine {
  /** Counts from 1, without gaps. */
  readonly n: number;
  /** Unix ms; null while the clock was not trusted. */
  readonly time: number | null;
  /** Ms since the machine started. */
  readonly bootMs: number;
  readonly clock: "trusted" | "untrusted";
  /** Which start of the machine `bootMs` counts from; only where there is no time. */
  readonly boot?: string | undefined;
  readonly what: string;
  readonly who: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** SHA-256, hex, of the line before, without its line break; zeros before the first. */
  readonly prev: string;
}

/** Longer lines are none of ours. */
export const maxLineBytes = 16_384;
export const noHash = "0".repeat(64);

/** What the log says about itself. */
export const own = {
  /** A power cut left something that was never promised; it was put aside. */
  cut: "audit-cut",
  /** Entries that could not be kept. */
  lost: "audit-lost",
  /** The oldest segment is removed: the bound is reached. */
  removed: "audit-removed",
  /** A signature over the hash of the line before. */
  seal: "audit-seal",
} as const;

export function hashOf(line: string): string {
  return createHash("sha256").update(line).digest("hex");
}

/** The line as an object, or undefined when it is none. */
export function parseAuditLine(text: string): AuditLine | undefined {
  if (text.length > maxLineBytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { n, time, bootMs, clock, boot, what, who, detail, prev }: Record<string, unknown> = { ...value };
  if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 1) return undefined;
  if (time !== null && !isNumber(time)) return undefined;
  if (!isNumber(bootMs) || (clock !== "trusted" && clock !== "untrusted")) return undefined;
  if (typeof what !== "string" || typeof who !== "string" || !isRecord(detail)) return undefined;
  if (typeof prev !== "string" || !/^[0-9a-f]{64}$/.test(prev)) return undefined;
  const started = typeof boot === "string" ? { boot } : {};
  return { n, time, bootMs, clock, ...started, what, who, detail, prev };
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// An alarm as ISA-18.2 / IEC 62682 knows it: what the process does (active or not), what people did about it
// (acknowledged or not), and whether it is shelved, apart from each other.

export const severities = ["info", "low", "medium", "high", "critical"] as const;
export type Severity = (typeof severities)[number];

/**
 * - `normal`: nothing
 * - `raised`: active, nobody has acknowledged it
 * - `acknowledged`: active, somebody has
 * - `returned`: no longer active, and latched until somebody acknowledges it
 * - `shelved`: set aside until a time; what happens meanwhile is kept and not told
 */
export type AlarmState = "normal" | "raised" | "acknowledged" | "returned" | "shelved";

/** Plain data: it is kept over restarts as it is. Times are Unix ms. */
export interface Kept {
  readonly active: boolean;
  readonly acknowledged: boolean;
  readonly shelvedUntil?: number | undefined;
  /** When it was raised the last time. */
  readonly raisedAt?: number | undefined;
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

export type Action =
  | { readonly kind: "condition"; readonly active: boolean }
  | { readonly kind: "acknowledge"; readonly by?: string | undefined; readonly reason?: string | undefined }
  /** Puts a latched alarm back: refused while it is active. */
  | { readonly kind: "clear"; readonly by?: string | undefined; readonly reason?: string | undefined }
  | {
      readonly kind: "shelve";
      readonly ms: number;
      readonly by?: string | undefined;
      readonly reason?: string | undefined;
    }
  | { readonly kind: "unshelve"; readonly by?: string | undefined }
  /** Time went on. */
  | { readonly kind: "tick" };

export const atRest: Kept = { active: false, acknowledged: true };
/** Nobody shelves for longer: it would be forgotten. */
export const longestShelfMs = 7 * 86_400_000;

export function stateOf({ active, acknowledged, shelvedUntil }: Kept): AlarmState {
  if (shelvedUntil !== undefined) return "shelved";
  if (active) return acknowledged ? "acknowledged" : "raised";
  return acknowledged ? "normal" : "returned";
}

/** What becomes of an alarm. Throws RangeError for what people may not do now. @param now Unix ms */
export function after(kept: Kept, action: Action, latching: boolean, now: number): Kept {
  const state = stateOf(kept);
  switch (action.kind) {
    case "condition":
      return withCondition(kept, action.active, latching, now);
    case "tick":
      return isOffShelf(kept, now) ? unshelved(kept) : kept;
    case "acknowledge":
      if (state === "acknowledged" || state === "normal") return kept;
      if (state === "shelved") throw new RangeError("it is shelved: unshelve it first");
      return { ...kept, acknowledged: true, by: action.by, reason: action.reason };
    case "clear":
      if (kept.active) throw new RangeError("its cause is still there");
      return { ...kept, acknowledged: true, by: action.by, reason: action.reason };
    case "shelve":
      if (!(action.ms > 0 && action.ms <= longestShelfMs))
        throw new RangeError("shelve for a time of at most 7d, such as 2h");
      return { ...kept, shelvedUntil: now + action.ms, by: action.by, reason: action.reason };
    case "unshelve":
      return state === "shelved" ? { ...unshelved(kept), by: action.by } : kept;
  }
}

/** A time too far away was written by a clock that was wrong. */
function isOffShelf({ shelvedUntil }: Kept, now: number): boolean {
  return shelvedUntil !== undefined && (now >= shelvedUntil || shelvedUntil - now > longestShelfMs);
}

/** As it was, and as the process made it meanwhile. */
function unshelved({ shelvedUntil, by, reason, ...kept }: Kept): Kept {
  return kept;
}

function withCondition(kept: Kept, active: boolean, latching: boolean, now: number): Kept {
  if (active === kept.active) return kept;
  if (active)
    return { ...kept, active, acknowledged: false, raisedAt: now, by: undefined, reason: undefined };
  return { ...kept, active, acknowledged: latching ? kept.acknowledged : true };
}

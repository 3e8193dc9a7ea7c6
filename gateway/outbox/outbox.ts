import type { Instant } from "../model/clock.ts";

/** `urgent` before `live` before `backlog`. A live pack that has waited longer than the outbox's `liveFor`, or that an earlier run stored, is backlog. */
export type Lane = "urgent" | "live" | "backlog";

/** What the outbox knows of a pack; it never looks into the bytes. */
export interface PackHead {
  /** The lane the writer asks for. */
  readonly lane: "urgent" | "live";
  readonly audience: string;
  /** Random id of the daemon's start that built the pack. */
  readonly run: string;
  /** Gapless per run and audience, from 1. */
  readonly seq: number;
  /** Base time of the pack; base `boot` while the wall clock was not trusted (then with `bootId`). */
  readonly time: Instant;
  readonly bootId: string;
  /** How many readings are inside, for the account of a drop. */
  readonly readings: number;
  /**
   * Words of whoever brought the readings, at most 128 bytes each: as durable as the pack itself, and
   * remembered longer than it. Not sent with it.
   */
  readonly marks?: readonly string[];
}

/** A mark of a pack that was stored for an audience. */
export interface Mark {
  readonly audience: string;
  readonly mark: string;
}

export interface StoredPack extends PackHead {
  /** Unique within this outbox, ascending in order of append. */
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** Packs that will never be delivered, on purpose and accounted for. */
export interface Gap {
  readonly audience: string;
  readonly run: string;
  /** First and last seq lost, both included. */
  readonly from: number;
  readonly to: number;
  readonly readings: number;
  readonly reason: "disk-full" | "expired" | "disk-failed" | "damaged" | "refused";
}

/** The last seq that an earlier run is known to have stored, per audience. */
export interface PreviousRun {
  readonly run: string;
  readonly audience: string;
  readonly lastSeq: number;
}

export interface OutboxStatus {
  readonly packs: number;
  readonly bytes: number;
  readonly readings: number;
  /** Age of the oldest pack in ms, 0 when empty. */
  readonly oldestMs: number;
  readonly lanes: Readonly<Record<Lane, number>>;
  /** `ok`, or why packs are held in memory only. */
  readonly disk: "ok" | "full" | "read-only" | "failing";
  /**
   * Packs that exist in memory only because the disk refused them, and those that never reached it and were
   * given up while only memory knows of their gap: what a power cut would take without an account.
   */
  readonly volatile: number;
  readonly quarantined: number;
}

/**
 * Durable queue of finished packs; one per northbound. `open...()` recovers what an earlier run left.
 * All methods may be called at any time, also at the same time; none blocks the event loop.
 */
export interface Outbox extends AsyncDisposable {
  /**
   * `disk`: durable when it resolves. `memory`: the disk does not take it (full, read-only, failing);
   * kept in bounded memory, forwarded as usual, lost at a power cut. `dropped`: no room; a Gap was reported.
   */
  append(pack: Uint8Array, head: PackHead): Promise<"disk" | "memory" | "dropped">;
  /** Up to `limit` packs, oldest first within the lane, that are not acked; removes nothing, may return the same again. */
  peek(lane: Lane, limit: number): Promise<StoredPack[]>;
  /** In any order; frees what is freed. An ack may be forgotten by a crash: the pack then comes again. */
  ack(packs: readonly { readonly id: number }[]): Promise<void>;
  /** Gives up packs on purpose (refused for good by the far side): like ack, and reported as a Gap. */
  drop(packs: readonly StoredPack[], reason: Gap["reason"]): Promise<void>;
  /** Resolves when something was appended after the call, or at once when `lane` is not empty. Rejects with the signal's reason. */
  waitFor(lanes: readonly Lane[], signal: AbortSignal): Promise<void>;
  readonly previousRuns: readonly PreviousRun[];
  /** Marks of what is stored or was, the newest 4,096, oldest first: those of packs that are long gone too. */
  readonly recentMarks: readonly Mark[];
  status(): OutboxStatus;
}

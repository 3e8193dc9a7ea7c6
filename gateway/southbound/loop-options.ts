import type { Device } from "../model/device.ts";
import type { BreakerLimits } from "./breaker.ts";
import type { Sink } from "./delivery.ts";
import type { Learned, Protocol, SouthboundContext } from "./protocol.ts";

/** Keeps what devices taught, so that it is not learned again after a restart. */
export interface LearnedStore {
  load(device: Device): Promise<Learned> | Learned;
  save(device: Device, learned: Learned): Promise<void> | void;
}

/** Pauses before a lost link is opened again, ms: doubled from the first to the longest, jittered. */
export interface ReopenPauses {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** A port that is plugged in again is back at once; nobody else is disturbed by trying. */
export const serialReopen: ReopenPauses = { firstMs: 250, longestMs: 1000 };
export const networkReopen: ReopenPauses = { firstMs: 500, longestMs: 30_000 };

export interface LoopOptions {
  /** Its id in gateway.yaml. */
  readonly connection: string;
  readonly protocol: Protocol;
  readonly settings: unknown;
  readonly devices: readonly Device[];
  readonly context: Omit<SouthboundContext, "emit">;
  readonly sink: Sink;
  readonly learnedStore: LearnedStore;
  /** `networkReopen` unless given. */
  readonly reopen?: ReopenPauses | undefined;
  readonly breaker?: BreakerLimits | undefined;
  /** The most of the line's time for commands, and reads on demand, while polls wait; 0.5 unless given. Above 0, below 1. */
  readonly commandShare?: number | undefined;
}

import type { Instant } from "../model/clock.ts";
import type { BreakerState } from "./breaker.ts";
import type { Availability } from "./polled-device.ts";
import type { UnknownDevice } from "./protocol.ts";
import type { ReplyTimesStatus } from "./reply-times.ts";

/** How one device fares. Plain data. */
export interface DeviceStatus {
  readonly device: string;
  readonly availability: Availability;
  /** Why it is not available or cannot be polled. */
  readonly problem?: string | undefined;
  /** When it last answered anything. */
  readonly lastSeen?: Instant | undefined;
  readonly breaker: BreakerState;
  /** Smoothed time of one answered request, ms. */
  readonly replyMs?: number | undefined;
  /** How often it failed, by error code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Points that are left out until reconnect. */
  readonly leftOut: readonly string[];
  readonly learned: readonly string[];
}

/**
 * - `idle`: no devices, not opened
 * - `waiting`: the link failed; it is opened again after a pause
 * - `failed`: what was configured cannot work; not tried again
 * - `borrowed`: somebody else has the line for a while; it is opened again afterwards
 */
export type ConnectionState = "idle" | "opening" | "open" | "waiting" | "failed" | "closed" | "borrowed";

/** What became of the writes of a connection since it was opened. */
export interface WriteCounters {
  /** Carried out, or found to be so already. */
  readonly done: number;
  /** The device, its interlock, or the time said no. */
  readonly refused: number;
  readonly failed: number;
}

/** Whether a connection's loop itself does its work: says nothing about line and devices. Plain data. */
export interface LoopPulse {
  readonly connection: string;
  /** Ms since a bug ended the loop. */
  readonly brokenMs?: number | undefined;
  /** Ms that the oldest turn of the line has been under way, 0 when there is none. */
  readonly turnMs: number;
}

/** How one connection fares. Plain data. */
export interface ConnectionStatus {
  readonly connection: string;
  readonly state: ConnectionState;
  /** Who has the line, while it is `borrowed`. */
  readonly borrowedBy?: string | undefined;
  /** The last error of the line itself. */
  readonly lastError?:
    | { readonly code: string; readonly message: string; readonly hint?: string | undefined }
    | undefined;
  /** Part of the line's time that was busy over the last minute. */
  readonly utilisation: number;
  /** Part of the line's time that the plan needs, by measured costs. */
  readonly demanded: number;
  /** Factor by which all periods are stretched now, at least 1. */
  readonly stretch: number;
  /** Polls left out because the line was held up. */
  readonly missed: number;
  /** Readings that nobody took. */
  readonly dropped: number;
  /** How long answers took since the connection was opened by the gateway. */
  readonly replies: ReplyTimesStatus;
  /** Transactions that failed since then, of all devices together, by error code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Counters of the driver that is open. */
  readonly statistics: Readonly<Record<string, number>>;
  readonly writes: WriteCounters;
  readonly devices: readonly DeviceStatus[];
  /** Devices that were heard on it and are not configured. */
  readonly unknown?: readonly UnknownDevice[] | undefined;
}

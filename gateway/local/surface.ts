import type { Diagnostic } from "../model/diagnostic.ts";
import type { ReadingJson } from "../model/json.ts";
import type { OutboxStatus } from "../outbox/outbox.ts";

/** What the local API offers, implemented by the gateway. Everything here is plain JSON. */
export interface LocalSurface {
  status(): GatewayStatus;
  /** Latest reading of every point, optionally of one device. */
  latest(filter: ReadingFilter): readonly ReadingJson[];
  /** Readings as they come, until the signal aborts. `lost` counts what a slow reader missed. */
  readings(
    filter: ReadingFilter,
    signal: AbortSignal,
  ): AsyncIterable<readonly ReadingJson[] | { readonly lost: number }>;
  /** Polls now, ahead of the schedule. Rejects with ConfigError for an unknown device or point. */
  readNow(device: string, points: readonly string[], signal: AbortSignal): Promise<readonly ReadingJson[]>;
  /** What each line does and can carry. */
  connections(): readonly unknown[];
  /** What was produced, stored and acknowledged in this run, per audience. */
  accounting(): unknown;
  /** Reads the configuration again and applies what changed, per device; or refuses it whole. */
  reload(): Promise<ReloadResult>;
}

export interface ReadingFilter {
  readonly device?: string | undefined;
  readonly point?: string | undefined;
}

export interface ReloadResult {
  readonly applied: boolean;
  /** One line per change, or why nothing was applied. */
  readonly changes: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface GatewayStatus {
  readonly gateway: string;
  readonly version: string;
  readonly run: string;
  readonly uptimeS: number;
  readonly clock: { readonly trusted: boolean; readonly now?: string };
  readonly devices: readonly DeviceStatus[];
  readonly connections: readonly ConnectionSummary[];
  readonly northbound: readonly NorthboundSummary[];
  /** Parts that did not start, each with the message that says why. */
  readonly quarantined: readonly { readonly kind: string; readonly id: string; readonly reason: string }[];
  readonly memoryMB: number;
}

export interface DeviceStatus {
  readonly id: string;
  readonly profile: string;
  readonly connection: string;
  readonly state: string;
  /** Why it is not available. */
  readonly problem?: string | undefined;
  readonly lastSeen?: string | undefined;
  readonly errors: Readonly<Record<string, number>>;
}

export interface ConnectionSummary {
  readonly name: string;
  readonly state: string;
  readonly utilisation: number;
  readonly error?: string | undefined;
  /** Devices that were heard on it and are not configured: as gateway.yaml would name each, and its last word. */
  readonly unknown?:
    | readonly {
        readonly settings: Readonly<Record<string, string>>;
        readonly name?: string | undefined;
        readonly model?: string | undefined;
        readonly heard: number;
        readonly given?: unknown;
      }[]
    | undefined;
}

export interface NorthboundSummary {
  readonly name: string;
  readonly connected: boolean;
  readonly peer: string;
  readonly error?: string | undefined;
  readonly outbox: OutboxStatus;
}

import type { Command, CommandOrigin, CommandResult, Priority } from "../model/command.ts";
import type { Device } from "../model/device.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { ReadingJson } from "../model/json.ts";
import type { Value } from "../model/value.ts";
import type { OutboxStatus } from "../outbox/outbox.ts";
import type { LocalService } from "./commissioning.ts";

/**
 * What the local API offers, implemented by the gateway. What the API shows as it is comes as plain JSON;
 * devices and commands come in the model's words. A part that is optional and absent is answered with 404.
 */
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
  /** The devices as they are configured now. */
  devices(): readonly Device[];
  /** Why it does not do its work yet or any more, for readiness; undefined when it does. */
  unready?(): string | undefined;
  /** The command desk. */
  readonly commands?: LocalCommands | undefined;
  /** What was measured earlier, as `history` of answers.ts. Rejects with ConfigError (`bad-query`, `unknown-point`). */
  history?(query: URLSearchParams): Promise<unknown>;
  /** Lines of the audit log, the oldest first, as `auditLog` of answers.ts. Rejects with ConfigError (`bad-query`). */
  auditLog?(query: URLSearchParams): Promise<unknown>;
  /**
   * Takes a value of a derived point; resolves with its reading when that is durable. Rejects with ConfigError
   * for an unknown point, with RefusedError for a value that the point does not take.
   */
  publish?: ((value: PublishedValue) => Promise<ReadingJson>) | undefined;
  /** What payloads of devices say, and how values become payloads. */
  readonly payloads?: LocalPayloads | undefined;
  /** The last lines of the log, the oldest first: JSON texts. */
  logs?(count: number): readonly string[];
  /** The text of gateway.yaml, with stars for secrets that stand on one line with their key. */
  configText?(): Promise<string>;
  /** What puts a gateway into service and keeps it there. */
  readonly service?: Partial<LocalService> | undefined;
  /** What is wrong with a text that could become gateway.yaml. Nothing is applied. */
  checkConfig?(text: string): Promise<readonly Diagnostic[]>;
}

/** The part of the command desk that the local API uses; `CommandDesk` (commands/command-desk.ts) is one. */
export interface LocalCommands {
  submit(command: Command, origin: CommandOrigin): Promise<CommandResult>;
  check(command: Command, origin: CommandOrigin): CommandResult | undefined;
  follow(id: string, signal: AbortSignal, issuer?: string): AsyncIterable<CommandResult>;
  results(signal: AbortSignal): AsyncIterable<CommandResult | { readonly lost: number }>;
  list(filter?: {
    device?: string;
    point?: string;
    open?: boolean;
    limit?: number;
  }): readonly CommandResult[];
  holds(): readonly LocalHold[];
  status(): LocalDeskStatus;
}

/** As `Hold` of the desk. */
export interface LocalHold {
  readonly device: string;
  readonly point: string;
  readonly priority: Priority;
  readonly issuer: string;
  readonly value: Value;
  /** Unix ms; undefined: until released. */
  readonly until?: number | undefined;
}

/** As `DeskStatus` of the desk. */
export interface LocalDeskStatus {
  readonly open: number;
  readonly accepted: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly expired: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly unanswered: number;
  readonly problem?: string | undefined;
}

/** As `Audit` of the desk: takes one line of the audit log, never rejects. */
export interface LocalAudit {
  record(entry: {
    readonly what: string;
    readonly who: string;
    readonly detail: Readonly<Record<string, unknown>>;
  }): Promise<void>;
}

/** By the profiles of the gateway. Both reject with ConfigError (`unknown-profile`) or another GatewayError. */
export interface LocalPayloads {
  decode(what: {
    readonly profile: string;
    readonly payload: Uint8Array;
    readonly fPort?: number | undefined;
    readonly options?: Readonly<Record<string, string>> | undefined;
  }): Promise<readonly Omit<ReadingJson, "device">[]>;
  encode(what: {
    readonly profile: string;
    readonly point: string;
    readonly value: number | boolean | string;
    readonly options?: Readonly<Record<string, string>> | undefined;
    readonly settings?: Readonly<Record<string, string | number>> | undefined;
  }): Promise<readonly { readonly payload: string; readonly fPort?: number; readonly label: string }[]>;
}

/** As `DerivedValue` of telemetry. */
export interface PublishedValue {
  readonly point: string;
  readonly value: number | boolean | string;
  readonly unit?: string | undefined;
  /** Unix ms. */
  readonly time?: number | undefined;
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
  /** WGS 84, degrees: for schedules by the sun. */
  readonly position?: { readonly lat: number; readonly lon: number } | undefined;
  /** IANA name. */
  readonly timeZone?: string | undefined;
  readonly devices: readonly DeviceStatus[];
  readonly connections: readonly ConnectionSummary[];
  readonly northbound: readonly NorthboundSummary[];
  /** Parts that did not start, each with the message that says why. */
  readonly quarantined: readonly { readonly kind: string; readonly id: string; readonly reason: string }[];
  readonly memoryMB: number;
  /** The HTTPS door, while it is open: its port and the SHA-256 of its certificate. */
  readonly https?: { readonly port: number; readonly fingerprint: string } | undefined;
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

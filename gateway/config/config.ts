import type { CommandRules } from "../commands/rules.ts";
import type { Schedule } from "../commands/schedules/targets.ts";
import type { Device, Text } from "../model/device.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { NorthboundKind } from "../northbound/northbound.ts";
import type { Protocol } from "../southbound/protocol.ts";
import type { AuditLogConfig, HistoryConfig } from "./history.ts";
import type { LocalConfig } from "./local.ts";
import type { NodeRedConfig } from "./node-red.ts";
import type { UpdateRules } from "./updates.ts";

/**
 * What gateway.yaml says, checked, with defaults filled in, durations in ms and sizes in bytes.
 * Secrets are `Secret` objects inside `settings`. Everything here can run; what cannot is in `quarantined`.
 */
export interface GatewayConfig {
  readonly gateway: GatewayIdentity;
  /** Folders with device profiles, in order of precedence. */
  readonly profiles: readonly string[];
  readonly connections: ReadonlyMap<string, ConnectionConfig>;
  readonly devices: readonly Device[];
  /** The gateway's own device, which derived points belong to; undefined where there are none. */
  readonly derived: Device | undefined;
  readonly poll: PollPeriods;
  readonly audiences: ReadonlyMap<string, AudienceConfig>;
  readonly catalogue: CatalogueConfig;
  readonly northbound: ReadonlyMap<string, NorthboundConfig>;
  readonly schedules: readonly Schedule[];
  readonly holidays: { readonly sweden: boolean; readonly eves: boolean; readonly extra: readonly string[] };
  readonly storage: StorageConfig;
  readonly telemetry: TelemetryConfig;
  readonly commands: CommandRules;
  readonly updates: UpdateRules;
  readonly local: LocalConfig;
  /** Of no concern to the daemon. */
  readonly nodeRed: NodeRedConfig;
  /** Undefined: none is kept. */
  readonly history: HistoryConfig | undefined;
  readonly auditLog: AuditLogConfig;
  readonly log: { readonly level: LogLevel };
  readonly clock: { readonly trust: ClockTrust };
  /** Parts that were left out, each with the reasons; everything else starts. */
  readonly quarantined: readonly Quarantined[];
}

export interface GatewayIdentity {
  /** `[a-z0-9][a-z0-9-]{0,62}`, in every topic and pack. */
  readonly id: string;
  /** IANA private enterprise number of the owner of the device names (RFC 9039). */
  readonly pen: number;
  readonly title?: Text | undefined;
  /** WGS 84, degrees. */
  readonly position?: { readonly lat: number; readonly lon: number } | undefined;
  /** IANA name; schedules are in its local time. */
  readonly timeZone: string;
}

/** One configured line. `settings` is the output of the protocol's connection schema. */
export interface ConnectionConfig {
  readonly name: string;
  readonly protocol: Protocol;
  readonly settings: unknown;
}

/** One far side. `settings` is the output of the kind's schema. */
export interface NorthboundConfig {
  readonly name: string;
  readonly kind: NorthboundKind;
  readonly settings: unknown;
}

/** Milliseconds that the poll classes mean. */
export interface PollPeriods {
  readonly fast: number;
  readonly normal: number;
  readonly slow: number;
}

export interface AudienceConfig {
  readonly name: string;
  readonly title?: Text | undefined;
  /** Stored packs older than this are dropped, with a gap record; default: the storage's. */
  readonly maxAgeMs: number;
  /** Most bytes stored for this audience, per northbound; default: the storage's. */
  readonly maxBytes: number;
  /** Whether personal data may go there; never true for the open one. */
  readonly personal: boolean;
}

/** What `stadsnod catalogue` says of all open data of this gateway (DCAT-AP-SE). */
export interface CatalogueConfig {
  /** IRI in front of what is described. */
  readonly base?: string | undefined;
  readonly title?: Text | undefined;
  readonly description?: Text | undefined;
  readonly publisher?:
    | { readonly name: string; readonly iri?: string | undefined; readonly type: string }
    | undefined;
  readonly contact?: { readonly name: string; readonly email: string } | undefined;
  /** IRI of the licence of the data. */
  readonly licence: string;
  /** IRI of the place, for instance of GeoNames. */
  readonly spatial?: string | undefined;
  /** ISO 639-3, of the descriptions and texts. */
  readonly languages: readonly string[];
}

export interface StorageConfig {
  readonly folder: string;
  /** Of all stored packs of one northbound. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** `when-offline`: packs go to disk only while the far side is away (spares SD cards; a power cut may lose what was in flight). */
}

/** When a pack is full: whichever comes first. */
export interface TelemetryConfig {
  readonly maxAgeMs: number;
  readonly maxReadings: number;
  /** Of the uncompressed pack. */
  readonly maxBytes: number;
}

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** `auto`: ask the kernel and systemd-timesyncd; `always`: believe the clock; `timesync`: only after a synchronisation. */
export const clockTrusts = ["auto", "always", "timesync"] as const;
export type ClockTrust = (typeof clockTrusts)[number];

/** A part that was left out. */
export interface Quarantined {
  readonly kind: "profile" | "connection" | "device" | "northbound" | "schedule" | "derived-point";
  readonly id: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** All devices whose readings leave: those on lines, and the gateway's own with its derived points. */
export function tellingDevices({
  devices,
  derived,
}: Pick<GatewayConfig, "devices" | "derived">): readonly Device[] {
  return derived ? [...devices, derived] : devices;
}

import type { BrokerSettings } from "../../transport/mqtt/settings.ts";

export const networkServers = ["chirpstack", "the-things-stack"] as const;
export type NetworkServer = (typeof networkServers)[number];

/** The application of a network server, normalised. */
export interface LoraConnection {
  readonly server: NetworkServer;
  readonly broker: BrokerSettings;
  /** ChirpStack: the application's UUID, or `+` for all that the account may see. TTS: its id. */
  readonly application: string;
  /** TTS only: what follows `@` in topics. The open-source build has none. */
  readonly tenant: string | undefined;
  readonly format: "json" | "protobuf";
}

/** What gateway.yaml says about one device. */
export interface LoraDevice {
  /** 16 hex digits, lower case. */
  readonly devEui: string;
  /** TTS: the name by which downlinks reach it, where no uplink has told it yet. */
  readonly deviceId: string | undefined;
}

/** A file beside the profile, as the loader hands it on. */
export interface AttachedFile {
  readonly file: string;
  readonly text: string;
}

/** How payloads become values. */
export type Decoding =
  | { readonly kind: "layout"; readonly schema: unknown }
  | { readonly kind: "layout-file"; readonly file: AttachedFile }
  | { readonly kind: "script"; readonly file: AttachedFile }
  /** A file that is named and was not read. */
  | { readonly kind: "unread"; readonly key: "payloadFile" | "codec"; readonly file: string }
  | { readonly kind: "none" };

/** A list of records with times of their own. */
export interface HistoryList {
  /** Where it stands in what was decoded. */
  readonly list: string;
  /** `time`: a member says when; `age`: a member says how many seconds ago; `every`: so many ms apart. */
  readonly when:
    | { readonly by: "time"; readonly field: string; readonly format: "epoch" | "epoch-ms" | "iso8601" }
    | { readonly by: "age"; readonly field: string }
    | { readonly by: "every"; readonly ms: number; readonly newest: "first" | "last" };
}

/** By what a network server knows this model. */
export interface KnownAs {
  /** ChirpStack: names or ids of device profiles. */
  readonly deviceProfiles: readonly string[];
  /** TTS: brand and model ids of its device repository. */
  readonly versionIds: readonly { readonly brand: string; readonly model?: string | undefined }[];
}

/** What a profile says under `lorawan:`. */
export interface LoraHead {
  readonly decoding: Decoding;
  /** Whether the server's own decoding is taken where nothing else decodes. */
  readonly serverDecodes: boolean;
  readonly deviceClass: "A" | "B" | "C";
  readonly history: readonly HistoryList[];
  /** Silence after which the device counts as missing, ms. */
  readonly uplinkWithinMs: number;
  readonly knownAs: KnownAs;
}

export const linkWords = [
  "rssi",
  "snr",
  "gateway",
  "gateways",
  "dr",
  "fcnt",
  "fcnt_gap",
  "margin",
  "battery",
  "external_power",
] as const;
export type LinkWord = (typeof linkWords)[number];

export const fieldTypes = ["number", "integer", "text", "boolean"] as const;
export type FieldType = (typeof fieldTypes)[number];

/** What a profile says under a point's `at:`. */
export type LoraAddress = FieldAddress | LinkAddress | DownlinkAddress;

export interface FieldAddress {
  /** A place in what was decoded: `temperature`, `channels[1].temp`, `log[].temp`. */
  readonly field: string;
  /** Where no layout says it. */
  readonly type: FieldType | undefined;
}

export interface LinkAddress {
  readonly link: LinkWord;
}

/** Where a downlink sets something. */
export interface DownlinkAddress {
  /** The layout's field that takes the value. */
  readonly set: string;
  readonly port: number;
  /** Of the layout's `downlink_commands`. */
  readonly command: string | undefined;
  /** Fields that go with it, always the same. */
  readonly with: Readonly<Record<string, number | string | boolean>>;
  readonly confirmed: boolean;
}

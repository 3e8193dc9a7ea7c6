import type { CommandStage, CommandState, Priority } from "../../gateway/model/command.ts";

// What the local API answers, as far as the nodes use it (docs/local-api.md).

export type JsonValue = number | boolean | string;
export interface TextJson {
  readonly en: string;
  readonly sv?: string;
}

export interface StateJson {
  readonly kind: "device" | "connection" | "northbound";
  readonly id: string;
  readonly state: string;
  readonly problem?: string;
}

export interface ResultJson {
  readonly id: string;
  readonly device: string;
  readonly point: string;
  readonly issuer: string;
  readonly state: CommandState;
  readonly stage?: CommandStage;
  readonly code?: string;
  readonly text?: string;
  readonly value?: JsonValue;
  readonly before?: JsonValue;
  readonly verified?: boolean;
  readonly unchanged?: boolean;
  readonly time?: string;
  readonly bootMs?: number;
  readonly last: boolean;
}

export interface CommandJson {
  readonly id: string;
  readonly device: string;
  readonly point: string;
  readonly action?: "write" | "release" | "confirm";
  readonly value?: JsonValue;
  readonly confirms?: string;
  /** A duration with its unit: `30s`. */
  readonly expiresIn?: string;
  readonly priority?: Priority;
  readonly reason?: string;
}

export interface WriteJson {
  readonly range?: readonly [number, number];
  readonly allowed?: readonly JsonValue[];
  readonly labels?: readonly TextJson[];
  readonly step?: number;
  readonly longestMs?: number;
  readonly confirm: "none" | "two-step";
}

export interface PointJson {
  readonly name: string;
  readonly title?: TextJson;
  readonly kind: string;
  readonly unit?: string;
  readonly range?: readonly [number, number];
  readonly labels?: readonly TextJson[];
  readonly bits?: readonly string[];
  readonly audience: string;
  readonly personal: boolean;
  readonly readable: boolean;
  readonly periodMs?: number;
  readonly write?: WriteJson;
}

export interface DeviceSummaryJson {
  readonly id: string;
  readonly title?: TextJson;
  readonly category: string;
  readonly state: string;
}

export interface DeviceJson extends DeviceSummaryJson {
  readonly profile: { readonly id: string };
  readonly points: readonly PointJson[];
}

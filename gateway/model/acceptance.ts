import type { Text } from "./device.ts";

// Whether a device works as it should before it is handed over. Plain data, as the local API and reports show it.

/** What the technician has seen with own eyes. */
export interface DeviceCheck {
  readonly device: string;
  /** A point that is read or written. */
  readonly point: string;
  readonly result: "confirmed" | "rejected";
  readonly note?: string | undefined;
}

export interface PointVerdict {
  readonly point: string;
  readonly title?: Text | undefined;
  /** Of the latest reading, or `unread`. */
  readonly quality: string;
  readonly value?: number | boolean | string | undefined;
  readonly unit?: string | undefined;
  readonly time?: string | undefined;
  readonly ageS?: number | undefined;
  readonly range?: readonly [number, number] | undefined;
  readonly ok: boolean;
  /** Confirmed or rejected by a person. */
  readonly seen?: "confirmed" | "rejected" | undefined;
  readonly note?: string | undefined;
}

export interface ActuatorVerdict {
  readonly point: string;
  readonly title?: Text | undefined;
  /** Id of the last test command. */
  readonly command?: string | undefined;
  /** What a command did: its last word, `succeeded` or `failed: no-answer`. */
  readonly outcome?: string | undefined;
  /** Whether the technician saw it happen. */
  readonly seen?: "confirmed" | "rejected" | undefined;
  readonly note?: string | undefined;
  readonly at?: string | undefined;
  readonly by?: string | undefined;
}

export interface DeviceVerdict {
  readonly device: string;
  readonly profile: string;
  readonly connection: string;
  /** In the protocol's words, without secrets: `{unit: 3}`. */
  readonly settings: unknown;
  readonly title?: Text | undefined;
  readonly owner?: string | undefined;
  readonly place?: string | undefined;
  readonly position?: { readonly lat: number; readonly lon: number } | undefined;
  readonly points: readonly PointVerdict[];
  readonly actuators: readonly ActuatorVerdict[];
  /** Nothing is missing and nothing is wrong. */
  readonly ok: boolean;
  /** What is, an entry each. */
  readonly missing: readonly Missing[];
  /** The report that accepted it. */
  readonly accepted?: string | undefined;
}

/** Why something is not ready to be accepted. */
export const missings = [
  "no-device",
  "point-not-good",
  "point-rejected",
  "actuator-untested",
  "actuator-failed",
  "actuator-rejected",
  "actuator-unconfirmed",
  "northbound-untested",
  "northbound-failed",
] as const;

export interface Missing {
  readonly what: (typeof missings)[number];
  readonly device?: string | undefined;
  readonly point?: string | undefined;
  readonly northbound?: string | undefined;
}

import type { Endpoint } from "../../transport/transport.ts";

/** One line with its sensors, normalised. */
export interface Sdi12Connection {
  readonly endpoint: Endpoint;
  /** Who makes the break before a command: the UART of this machine, or an adapter by itself. */
  readonly break: "line" | "adapter";
  /** Longest wait for the first character of a response after the last of the command, ms; undefined = by the line. */
  readonly timeout?: number | undefined;
}

/** What gateway.yaml says about one sensor. */
export interface Sdi12Device {
  /** One of 0-9, A-Z, a-z. */
  readonly address: string;
}

/** What a profile knows of one measurement, for the plan. */
export interface MeasureHint {
  /** How long the sensor takes, ms. */
  readonly wait: number;
  /** How many values it gives; undefined = as many as the points need. */
  readonly values?: number | undefined;
}

/** What a profile says under `sdi12:`. */
export interface Sdi12Head {
  readonly measure: ReadonlyMap<string, MeasureHint>;
}

export const identityFields = ["standard", "vendor", "model", "version", "serial"] as const;
export type IdentityField = (typeof identityFields)[number];

/** What a profile says under a point's `at:`. */
export type Sdi12Address =
  | {
      /** The command without address and exclamation mark: M, MC3, C, V, R0, RC1. */
      readonly measure: string;
      /** Which of its values, from 1. */
      readonly value: number;
    }
  | { readonly identity: IdentityField };

/** The command that brings a point, without address and exclamation mark. */
export function commandOf(address: Sdi12Address): string {
  return "measure" in address ? address.measure : "I";
}

/** Whether the values come with the response to the command itself. */
export function isContinuous(measure: string): boolean {
  return measure.startsWith("R");
}

export function isConcurrent(measure: string): boolean {
  return measure.startsWith("C");
}

/** Whether responses with values end with a CRC. */
export function hasCrc(measure: string): boolean {
  return measure.indexOf("C", 1) > 0;
}

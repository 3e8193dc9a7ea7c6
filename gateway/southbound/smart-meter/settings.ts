import type { Device } from "../../model/device.ts";
import type { Secret } from "../../model/secret.ts";
import type { Endpoint } from "../../transport/transport.ts";
import type { Layout } from "./dlms/layout.ts";
import type { CrcRule } from "./p1/telegram.ts";

export interface MeterConnection {
  readonly endpoint: Endpoint;
}

/** What gateway.yaml says about one meter. */
export interface MeterSettings {
  /** 32 hex digits each, of 16 bytes. Opened only where they are used. */
  readonly key?: Secret | undefined;
  readonly authenticationKey?: Secret | undefined;
}

interface HeadCommon {
  /** After so many ms without a message the meter counts as silent. */
  readonly silentAfter: number;
  /** Minutes by which the meter's standard time is ahead of UTC. */
  readonly standardTime: number;
}

/** What a profile says under `smart-meter:`. */
export type MeterHead =
  | (HeadCommon & { readonly codec: "p1"; readonly crc: CrcRule })
  | (HeadCommon & { readonly codec: "dlms"; readonly layout: Layout; readonly framing: "hdlc" | "mbus" });

export const valueTypes = ["decimal", "integer", "boolean", "text", "hex-text", "hex", "time"] as const;
/**
 * What a point makes of the meter's value: `decimal` a number; `integer` a whole one, for states and
 * counts; `text` as it stands; `hex-text` two hex digits per character; `hex` bytes; `time` a text
 * such as 2021-02-22T15:19:00Z.
 */
export type ValueType = (typeof valueTypes)[number];

/** What a profile says under a point's `at:`. */
export interface MeterAddress {
  /** Code, position by length or name of the list, or how the meter calls itself or its list. */
  readonly where:
    | { readonly obis: string }
    | { readonly positions: ReadonlyMap<string, number> }
    | { readonly ident: true };
  /** Which of several values beside one code, from 0. */
  readonly value: number;
  readonly type: ValueType;
  /** Symbol of the unit that the raw number is in. */
  readonly in: string | undefined;
  /** Which value beside the code is the unit, where it is not written behind the number (DSMR 2 and 3). */
  readonly unitValue: number | undefined;
  /** Which value beside the code is the time of the reading (sub-meters). */
  readonly time: number | undefined;
  /** Whether a meter of this kind may lack it, or at times has fewer values beside the code. */
  readonly optional: boolean;
}

export type MeterDevice = Device<MeterAddress, MeterSettings, MeterHead>;

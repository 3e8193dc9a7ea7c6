import type { Endpoint } from "../../transport/transport.ts";

/** One line, normalised. */
export interface NmeaConnection {
  readonly endpoint: Endpoint;
  /** Whether the time of a GNSS receiver on this line may make the gateway's clock trusted. */
  readonly clock: boolean;
}

/** What gateway.yaml says about one device. */
export interface NmeaDevice {
  /** The talkers that are this device, where several share a line; all unless given. */
  readonly talkers?: readonly string[] | undefined;
}

/** What a profile says under `nmea:`. */
export interface NmeaHead {
  /** Whether sentences without a checksum are taken, too. */
  readonly checksum: "required" | "optional";
  readonly silentAfterMs: number;
}

export const plainTypes = ["number", "integer", "text"] as const;

/** What a profile says under a point's `at:`. */
export interface NmeaAddress {
  /** `RMC`, `MWV`; `PGRMZ` for a maker's own. */
  readonly sentence: string;
  /** A name from the sentence's table, or the number of a field, from 1. */
  readonly field?: string | number | undefined;
  /** How a numbered field is read. */
  readonly type: (typeof plainTypes)[number];
  /** One transducer of XDR. */
  readonly transducer?:
    | { readonly type: string; readonly units: string; readonly id: string | undefined }
    | undefined;
  /** Sentences of this talker alone. */
  readonly talker?: string | undefined;
  /** Only sentences whose numbered fields hold these texts. */
  readonly when: ReadonlyMap<number, string>;
}

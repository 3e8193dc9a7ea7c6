/** Bytes for the application, and the port that they are for. */
export interface Frame {
  /** 1..223 */
  readonly fPort: number;
  readonly bytes: Uint8Array;
}

export interface Moment {
  /** Unix ms. */
  readonly time: number;
  /** Uplinks since the device joined. */
  readonly fCnt: number;
  /** 0 <= x < 1, of the device's own sequence. */
  readonly random: () => number;
}

/** The model of a device, as network servers know it. */
export interface DeviceModel {
  /** Name of the device profile in ChirpStack. */
  readonly profile: string;
  /** Ids of the LoRaWAN device repository, which The Things Stack tells as `version_ids`. */
  readonly brand?: string | undefined;
  readonly model?: string | undefined;
  readonly firmware?: string | undefined;
}

/** What a device says of its supply when the network asks. */
export type Supply = "external" | "unavailable" | ((time: number) => number);

/** One LoRaWAN device as it is made: its keys are taken for granted. */
export interface EndDeviceSettings {
  /** 16 hex digits, lower case. */
  readonly devEui: string;
  readonly name: string;
  readonly model: DeviceModel;
  /** C: always listens. A (default): listens twice after each uplink. */
  readonly class?: "A" | "C" | undefined;
  /** Milliseconds between uplinks; without it only `send` makes it speak. */
  readonly everyMs?: number | undefined;
  /** Asks the network to confirm its uplinks. */
  readonly confirmed?: boolean | undefined;
  /** What it says; undefined: an empty frame, as one that only confirms a downlink. */
  readonly payload: (moment: Moment) => Frame | undefined;
  /** Takes a downlink; milliseconds after which it speaks of its own accord, if it does. */
  readonly onDownlink?: ((frame: Frame, time: number) => number | undefined) | undefined;
  /** A battery's percentage by time, or what it says instead. `unavailable` by default. */
  readonly supply?: Supply | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

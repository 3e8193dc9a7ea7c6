// What any network server tells, in one shape. The bridges are pure: topic and bytes in, events out.

/** How an uplink was received. */
export interface Link {
  /** dBm and dB at the gateway that heard it best. */
  readonly rssi?: number | undefined;
  readonly snr?: number | undefined;
  /** The gateway that heard it best. */
  readonly gateway?: string | undefined;
  /** How many heard it. */
  readonly gateways: number;
  readonly dr?: number | undefined;
}

/** What the server calls the model. */
export interface ModelHint {
  /** ChirpStack: the device profile. */
  readonly name?: string | undefined;
  readonly id?: string | undefined;
  /** TTS: the version ids. */
  readonly brand?: string | undefined;
  readonly model?: string | undefined;
}

/** Who it is about. */
export interface Sender {
  /** 16 hex digits, lower case. */
  readonly devEui: string;
  /** TTS: the end device's id. */
  readonly deviceId?: string | undefined;
  /** ChirpStack: where its downlinks go. */
  readonly application?: string | undefined;
  /** What people call it there. */
  readonly name?: string | undefined;
}

/** One uplink as any network server tells it. */
export interface Uplink extends Sender {
  /** Unix ms of its reception, as the server says; undefined when it does not. */
  readonly time: number | undefined;
  readonly fPort: number;
  readonly fCnt: number;
  /** Undefined: none was sent, or it is not told. */
  readonly data: Uint8Array | undefined;
  /** The server's own decoding. */
  readonly object?: Readonly<Record<string, unknown>> | undefined;
  readonly dedupId?: string | undefined;
  readonly link: Link;
  readonly hint?: ModelHint | undefined;
  readonly confirmed: boolean;
  /** The payload is encrypted from device to application server: nobody here can read it. */
  readonly encrypted: boolean;
}

/** What became of a downlink; `id` is the one that the gateway gave it, where the server repeats it. */
export interface DownlinkNews extends Sender {
  readonly id: string | undefined;
}

export type BridgeEvent =
  | { readonly kind: "uplink"; readonly uplink: Uplink }
  | { readonly kind: "join"; readonly sender: Sender; readonly time: number | undefined }
  | {
      readonly kind: "status";
      readonly sender: Sender;
      readonly time: number | undefined;
      /** dB above what is needed, of the last downlink. */
      readonly margin: number | undefined;
      /** Percent; undefined when the device does not know or has none. */
      readonly battery: number | undefined;
      readonly externalPower: boolean;
    }
  /** Taken into the server's queue. */
  | { readonly kind: "queued"; readonly news: DownlinkNews }
  /** On the air, which is not delivery. */
  | { readonly kind: "sent"; readonly news: DownlinkNews }
  | { readonly kind: "ack"; readonly news: DownlinkNews; readonly acknowledged: boolean }
  | { readonly kind: "failed"; readonly news: DownlinkNews; readonly code: string; readonly text: string }
  | {
      readonly kind: "log";
      readonly sender: Sender;
      readonly level: string;
      readonly code: string;
      readonly text: string;
      /** The downlink that it is about. */
      readonly id?: string | undefined;
    }
  /** Known and of no use here: location, integration events. */
  | { readonly kind: "other"; readonly what: string };

/** What to send. */
export interface Downlink {
  /** A UUID of ours. */
  readonly id: string;
  readonly fPort: number;
  readonly data: Uint8Array;
  readonly confirmed: boolean;
  /** Unix ms after which it is not to be sent. */
  readonly expiresAt?: number | undefined;
}

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface Bridge {
  readonly subscribe: readonly { readonly topic: string; readonly qos: 0 | 1 }[];
  /** What a message tells; nothing when it is not for us. Throws TransientError (`bad-event`) for what cannot be understood. Pure. */
  parse(topic: string, payload: Uint8Array): readonly BridgeEvent[];
  /** Throws ConfigError when it is not known where the device's downlinks go. Pure. */
  downlink(to: Sender, downlink: Downlink): Message;
  /** Leaves only these in the device's queue; undefined where messages cannot. Throws as `downlink`. Pure. */
  replaceQueue?(to: Sender, downlinks: readonly Downlink[]): Message;
  /** Whether the server itself drops a downlink that has expired. */
  readonly expires: boolean;
}

import type { After } from "../wire.ts";
import type { Discard, DownlinkQueue, QueueItem, QueuePolicy } from "./downlink-queue.ts";
import type { EndDeviceSettings, Frame } from "./end-device.ts";
import type { RadioGateway, Reception } from "./radio.ts";

/** One frame that a device sent, for audits. Kept for the whole life of the network. */
export interface UplinkRecord {
  readonly devEui: string;
  /** Counts the joins of the device, from 1. */
  readonly session: number;
  readonly fCnt: number;
  /** 0: an empty frame. */
  readonly fPort: number;
  /** Hex. */
  readonly payload: string;
  /** Unix ms. */
  readonly time: number;
  readonly deduplicationId: string;
  /** The network took it, and a server was there to tell it. */
  heard: boolean;
  /** Messages that a server wrote of it: 1, more when it was duplicated, 0 when the server ended before. */
  copies: number;
  /** How many of these the broker has acknowledged (QoS 1). */
  acknowledged: number;
}

/** A device in the network: its session, its queue, and what a test can do to it. */
export interface EndDevice {
  readonly settings: EndDeviceSettings;
  /** 8 hex digits, new with each join. */
  readonly devAddr: string;
  readonly session: number;
  /** Of the next uplink. */
  readonly fCnt: number;
  readonly queue: DownlinkQueue;
  /** What reached it. */
  readonly received: readonly (Frame & { readonly time: number })[];
  readonly dataRate: number;
  /** Speaks now, and returns what it said. */
  send(): UplinkRecord;
  /** Joins again before its next uplink: frame counters start at 0. */
  rejoin(): void;
  /** Its frame counter starts at 0 without a join, as a badly made device does after a change of battery. */
  resetCounter(): void;
  /** So many of the next uplinks are heard by nobody. */
  loseUplinks(count: number): void;
  /** So many of the next downlinks do not reach it. */
  loseDownlinks(count: number): void;
}

export type NetworkEvent =
  | { readonly kind: "join"; readonly device: EndDevice; readonly time: number; readonly id: string }
  | {
      readonly kind: "up";
      readonly device: EndDevice;
      readonly record: UplinkRecord;
      readonly frame: Frame | undefined;
      readonly receptions: readonly Reception[];
      readonly frequency: number;
      readonly dataRate: number;
    }
  | {
      readonly kind: "status";
      readonly device: EndDevice;
      readonly time: number;
      readonly id: string;
      /** dB */
      readonly margin: number;
      /** A battery's percentage, or what the device says instead. */
      readonly supply: number | "external" | "unavailable";
    }
  | { readonly kind: "queued"; readonly device: EndDevice; readonly item: QueueItem; readonly time: number }
  | {
      readonly kind: "sent";
      readonly device: EndDevice;
      readonly item: QueueItem;
      readonly time: number;
      readonly window: "rx1" | "rx2" | "class-c";
      readonly reception: Reception;
      readonly frequency: number;
      readonly dataRate: number;
    }
  | {
      readonly kind: "ack";
      readonly device: EndDevice;
      readonly item: QueueItem;
      readonly time: number;
      readonly acknowledged: boolean;
    }
  | {
      readonly kind: "discarded";
      readonly device: EndDevice;
      readonly item: QueueItem;
      readonly time: number;
      readonly why: Discard;
      readonly maxPayload: number;
    }
  | {
      /** A gateway did not take the downlink: it stays in the queue. */
      readonly kind: "gateway-refused";
      readonly device: EndDevice;
      readonly item: QueueItem;
      readonly time: number;
    }
  | {
      /** The frame counter went back without a join: the frame is not told. */
      readonly kind: "counter-reset";
      readonly device: EndDevice;
      readonly time: number;
      readonly id: string;
    };

export type Listener = (event: NetworkEvent) => void;

export interface NetworkOptions {
  readonly devices: readonly EndDeviceSettings[];
  readonly gateways?: readonly RadioGateway[] | undefined;
  readonly seed?: number | undefined;
  /** Unix ms. */
  readonly now?: (() => number) | undefined;
  readonly after?: After | undefined;
  /** How long the server waits for what other gateways heard of the same frame. */
  readonly deduplicationMs?: number | undefined;
  /** From the end of an uplink to the first receive window; the second is a second later. */
  readonly rx1DelayMs?: number | undefined;
  /** Milliseconds until a class C device's downlink leaves. */
  readonly classCDelayMs?: number | undefined;
  /** Share of uplinks that no gateway hears. */
  readonly uplinkLoss?: number | undefined;
  /** Share of downlinks that do not reach their device. */
  readonly downlinkLoss?: number | undefined;
  /** Share of downlinks that a gateway refuses. */
  readonly gatewayRefusal?: number | undefined;
  /** Downlinks that may wait for one device. */
  readonly queueLimit?: number | undefined;
  /** The server asks for the status with every so many uplinks of a device. */
  readonly statusEvery?: number | undefined;
}

export interface Network extends Disposable {
  readonly devices: readonly EndDevice[];
  /** By DevEUI, or undefined. */
  device(devEui: string): EndDevice | undefined;
  readonly uplinks: readonly UplinkRecord[];
  readonly now: () => number;
  readonly seed: number;
  /** A server takes over; without one, what devices say is lost. Throws when there is one already. */
  listen(listener: Listener, policy: QueuePolicy): Disposable;
  /** Queues a downlink. Throws when the device's queue is full. */
  enqueue(device: EndDevice, item: QueueItem): void;
  /** Devices with an interval begin to speak, each at a moment of its own within the first one. */
  start(): void;
}

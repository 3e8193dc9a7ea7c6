// What is found out while a gateway is put into service. Plain data, as the local API shows it.

import type { Text } from "./device.ts";

/** A serial port of this machine. */
export interface PortFacts {
  /** The name to write into gateway.yaml: stable over restarts and replugging where there is one. */
  readonly name: string;
  /** Every name that leads to it: by-id, by-path, /dev/ttyUSB0. */
  readonly names: readonly string[];
  /** What it is, for people: `FT232R USB UART, FTDI, serial number A10ABCDE`. */
  readonly what: string;
  /** Whether `name` is the same after the next start. */
  readonly stable: boolean;
  /** Why it is this name and no other, where there is something to say. */
  readonly note?: Text | undefined;
  /** The connection of gateway.yaml that has it. */
  readonly connection?: string | undefined;
  /** What keeps it from being used (a login, ModemManager, no permission), and what to do. */
  readonly problem?: { readonly message: Text; readonly fix: Text } | undefined;
}

/** One thing that a job found out. */
export type Finding =
  | DeviceFound
  | SettingsFound
  | WiringFound
  | TrafficHeard
  | CheckDone
  | { readonly kind: "file"; readonly name: string; readonly bytes: number };

/** A device that answered or spoke, and what it may be. */
export interface DeviceFound {
  readonly kind: "device";
  readonly protocol: string;
  /** Settings of the connection with which it answers, as gateway.yaml writes them. */
  readonly connection: Readonly<Record<string, unknown>>;
  /** What gateway.yaml says of the device in the protocol's words: `{unit: 3}`. */
  readonly settings: Readonly<Record<string, string | number>>;
  /** What it says of itself: a model, a maker, a serial number. */
  readonly says?: string | undefined;
  /** The id of the device that gateway.yaml has here already. */
  readonly known?: string | undefined;
  /** The best first; empty where no profile fits. */
  readonly profiles: readonly ProfileMatch[];
}

export interface ProfileMatch {
  readonly profile: string;
  readonly title: Text;
  /**
   * - `identified`: the device says itself that it is this model
   * - `plausible`: all that the profile reads is there and makes sense
   * - `possible`: part of it
   */
  readonly by: "identified" | "plausible" | "possible";
  /** 0 to 1, comparable between the matches of one device. */
  readonly fit: number;
  /** What speaks for it, in a few words and values: `voltage 231.4 V`. */
  readonly evidence: readonly string[];
}

/** Line settings with which somebody was understood. */
export interface SettingsFound {
  readonly kind: "settings";
  readonly protocol: string;
  readonly connection: Readonly<Record<string, unknown>>;
  /** Frames that were whole. */
  readonly whole: number;
  readonly damaged: number;
}

export const wiringFaults = [
  "none",
  "silent",
  "swapped",
  "no-termination",
  "echo",
  "wrong-parity",
  "wrong-speed",
  "duplicate-address",
  "ground",
  "late-answers",
  "noise",
  "stuck",
  "second-master",
] as const;
export type WiringFault = (typeof wiringFaults)[number];

/** What is probably wrong with a line. */
export interface WiringFound {
  readonly kind: "wiring";
  readonly fault: WiringFault;
  /** 0 to 1. */
  readonly likely: number;
  /** What is wrong, in a sentence. */
  readonly message: Text;
  /** What to try, the easiest first. */
  readonly fixes: readonly Text[];
  /** What it was concluded from: `12 of 20 answers had a wrong CRC`. */
  readonly evidence: readonly Text[];
  /** Only this unit is concerned. */
  readonly unit?: string | undefined;
}

/** What another master and its devices say to each other. */
export interface TrafficHeard {
  readonly kind: "traffic";
  readonly protocol: string;
  readonly connection: Readonly<Record<string, unknown>>;
  readonly settings: Readonly<Record<string, string | number>>;
  /** What is asked of the device, for people: `FC4 0x0034..0x0057, every 1.0 s`. */
  readonly requests: readonly string[];
  readonly profiles: readonly ProfileMatch[];
}

/** One look of the doctor, or one step of a test. */
export interface CheckDone {
  readonly kind: "check";
  /** Stable, for programs: `serial-group`, `broker-tls`. */
  readonly id: string;
  readonly subject?: string | undefined;
  readonly result: "ok" | "warning" | "failed" | "not-applicable";
  readonly message: Text;
  /** The exact thing to do, a command where there is one. */
  readonly fix?: Text | undefined;
}

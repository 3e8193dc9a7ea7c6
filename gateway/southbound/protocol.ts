// A little long: the seam of a whole wing, most of it what its methods promise.
import type { z } from "zod";
import type { Clock, Instant, Random } from "../model/clock.ts";
import type { DeviceFound, SettingsFound, TrafficHeard } from "../model/commissioning.ts";
import type { Device, DeviceProfile, Point, Text } from "../model/device.ts";
import type { ConfigError, UnsupportedPointError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Quality } from "../model/quality.ts";
import type { Reading } from "../model/reading.ts";
import type { RawValue, Value } from "../model/value.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Connect } from "../transport/transport.ts";
import type { WiringQuestions } from "./wiring-questions.ts";

/**
 * The plug-in's description. A new protocol is one folder and one entry in `index.ts`; schemas,
 * linter, documentation and the contract suite take what they know of it from here.
 *
 * @typeParam Connection what gateway.yaml may say about the line
 * @typeParam Settings what gateway.yaml may say about one device on it (Modbus: the unit id)
 * @typeParam Head what a profile may say under the protocol's own key
 * @typeParam Address what a profile may say under a point's `at:`
 */
export interface Protocol<Connection = unknown, Settings = unknown, Head = unknown, Address = unknown> {
  /** The word in `protocol:` of profiles and connections. */
  readonly name: string;
  readonly connection: z.ZodType<Connection>;
  readonly device: z.ZodType<Settings>;
  readonly head: z.ZodType<Head>;
  readonly address: z.ZodType<Address>;
  /**
   * Keys of the head that name a file in the profile's own folder, as `./name`: the loader hands it on
   * to `head` as `{file, text}`.
   */
  readonly files?: readonly string[] | undefined;
  /** What a new profile begins with, from `protocol:` on: commented YAML that is valid as it stands. */
  readonly skeleton?: string | undefined;
  /** What a profile may say under an example's `given:`. */
  readonly given: z.ZodType;
  /** A smallest valid connection and device as gateway.yaml writes them: examples are planned with it. `{}` when absent. */
  readonly sample?: { readonly connection: unknown; readonly device: unknown } | undefined;
  /**
   * What the schemas cannot see: points that overlap, addresses in forbidden ranges, scales on text.
   * `path` leads to the offending key below the profile's root. Pure.
   */
  check(profile: DeviceProfile<Address, Head>): readonly ProtocolFinding[];
  /** What is wrong with the head itself: then nothing else is looked at. Pure. */
  checkHead?(head: Head): readonly ProtocolFinding[];
  /**
   * The smallest step and the raw type of what an address yields, for the common checks (scale on text,
   * bits on float). `head`: the profile's, which may be where types are said. Pure; throws RangeError
   * (AddressProblem, where it can say more) for an address that does not exist.
   */
  rawKind(address: Address, head: Head): "integer" | "float" | "boolean" | "text" | "bytes";
  /** How many milliseconds until a device's answer is complete, which points each request answers: pure, no I/O, no clock. */
  plan(
    connection: Connection,
    device: Device<Address, Settings, Head>,
    points: readonly Point<Address>[],
    learned: Learned,
  ): ReadPlan<Address>;
  /**
   * What the device taught by refusing `request` with UnsupportedPointError: the new knowledge, with
   * which `plan` gives smaller requests; or undefined when `request` cannot be made smaller (its
   * points are then left out until reconnect). Pure.
   */
  learn(
    request: ReadRequest<Address>,
    learned: Learned,
    refusal?: UnsupportedPointError,
  ): Learned | undefined;
  /** Settings of the line that would make it faster (a higher baud rate), slowest first: for advice. Pure. */
  faster?(connection: Connection): readonly { readonly change: string; readonly connection: Connection }[];
  /**
   * After so many ms without a word a device that speaks first counts as silent: comm-error readings
   * of what is heard from it. 60 s where a protocol does not say. Pure.
   */
  silentAfter?(connection: Connection, device: Device<Address, Settings, Head>): number;
  /** How long it may take until a device shows what was written, where a profile does not say; 2 s otherwise, ms. Pure. */
  shownWithin?(head: Head): number;
  /**
   * Every word of its devices counts: none is thinned out by poll class, and a point is not stale
   * before the device counts as silent. For devices that speak seldom, and of the past too.
   */
  readonly everyWord?: boolean | undefined;
  /** Whether the line is a port of this machine, which is back the moment it is plugged in again. Pure. */
  isLocal?(connection: Connection): boolean;
  /** Why nothing can be written at an address; undefined when it can. Everything can be where a protocol does not say. Pure. */
  writable?(address: Address): { readonly message: string; readonly hint?: string } | undefined;
  /**
   * The frame that writes one raw value, whole as it goes out on the line that examples are written
   * for. Throws GatewayError when the address cannot hold the value. Pure.
   */
  encodeWrite?(device: Device<Address, Settings, Head>, address: Address, raw: RawValue): WriteFrame;
  /** What was learned, one line per fact, for people. Pure. */
  describeLearned?(learned: Learned): readonly string[];
  /**
   * A device made of what a profile's examples give: what it says by itself, in turn, and what it
   * answers. For `profile simulate`; demonstrations, never test evidence. Pure.
   */
  simulate?(
    profile: DeviceProfile<Address, Head>,
    what: SimulationInput<Connection, Settings>,
  ): SimulatedDevice;
  /**
   * What a device says before anybody wrote a profile for it, in the words of `at:`, for
   * `profile probe`. Ends by itself. Rejects as `open` does.
   */
  probe?(
    connection: Connection,
    what: ProbeInput<Settings>,
    context: SouthboundContext,
  ): AsyncIterable<ProbeFinding>;
  /**
   * How well a profile fits a device that was heard and is not configured: for onboarding. Undefined when
   * what was heard is not understood. Never rejects for what a profile does with it.
   */
  fit?(
    profile: DeviceProfile<Address, Head>,
    heard: Pick<UnknownDevice, "settings" | "model" | "given">,
    sandbox?: SouthboundContext["sandbox"],
  ): Promise<ProfileFit | undefined>;
  /**
   * Looks for devices on a line that nobody else uses meanwhile: reads only, whatever it finds, and ends by
   * itself within `ScanPlan.worstMs`. Rejects as `open` does.
   */
  scan?(connection: Connection, what: ScanInput, context: SouthboundContext): AsyncIterable<ScanStep>;
  /** What that would ask and take at most. Pure. */
  scanPlan?(connection: Connection, what: ScanInput): ScanPlan;
  /** Line settings that devices of this protocol are found with, the likeliest first. Pure. */
  lineSettings?(connection: Connection): readonly Connection[];
  /**
   * What somebody else's traffic on a line says of its devices, without a word of ours. Says what it knows now
   * and then, one finding per device, later ones in place of earlier ones, and ends by itself after `what.ms`.
   * Rejects as `open` does.
   */
  listenIn?(connection: Connection, what: ListenInput, context: SouthboundContext): AsyncIterable<ListenStep>;
  /**
   * What a wiring diagnosis may ask the devices of this line, reads only, and how it knows a whole frame;
   * undefined where a line has no questions and answers that it could judge by. Pure.
   */
  wiring?(
    connection: Connection,
    devices: readonly Device<Address, Settings, Head>[],
  ): WiringQuestions | undefined;
  /** What a tapped dialogue with a live device of this profile becomes as an example's `given:`. Pure. */
  record?(dialogue: readonly Turn[], connection: Connection, profile: DeviceProfile<Address, Head>): unknown;
  /**
   * One word of a device as an example's `given:`; absent where a word means nothing without its question
   * (Modbus, SDI-12). `port`: of LoRaWAN, 1 unless said. Pure.
   */
  givenOf?(word: Uint8Array, head: Head, port?: number): unknown;
  /**
   * As `encodeWrite`, where the bytes are made by a codec script: undefined where they are not. Rejects with
   * ConfigError when the address cannot hold the value.
   */
  encodeByScript?(
    device: Device<Address, Settings, Head>,
    address: Address,
    raw: RawValue,
    sandbox: SouthboundContext["sandbox"],
  ): Promise<{ readonly bytes: Uint8Array; readonly port: number } | undefined>;
  /** A driver that answers from an example's `given:` instead of a wire; same decoding code as the real one. */
  replay(given: unknown, context: SouthboundContext): Promise<Driver<Address, Settings, Head>>;
  /** A connected driver, or LinkError (reopen later) or ConfigError (never). */
  open(connection: Connection, context: SouthboundContext): Promise<Driver<Address, Settings, Head>>;
}

/** What a scan looks for. */
export interface ScanInput {
  /** What a device may be: profiles of this protocol. */
  readonly profiles: readonly DeviceProfile[];
  /** Line settings to try in turn; absent: those of the connection. */
  readonly lines?: readonly unknown[] | undefined;
  /** Addresses as a person writes them, `1-32,100`; absent: what is usual. */
  readonly addresses?: string | undefined;
  /** `quick`: addresses and settings that are usual; `thorough`: all there can be. */
  readonly effort: "quick" | "thorough";
}

/** What a scan costs before it begins. */
export interface ScanPlan {
  /** How many addresses are asked, all settings together. */
  readonly asks: number;
  /** At most so long, ms: nobody answers with any settings, and the time set aside to look at who does. */
  readonly worstMs: number;
}

export type ScanStep =
  | { readonly asked: number; readonly of: number; readonly leftMs: number; readonly doing: Text }
  | DeviceFound
  | SettingsFound;

/** What is listened for. */
export interface ListenInput extends Pick<ScanInput, "profiles" | "lines"> {
  /** How long, ms. */
  readonly ms: number;
}

/** A finding, or how much was heard so far: with all settings together, and with the right ones once they are known. */
export type ListenStep =
  | {
      readonly bytes: number;
      /** Whole frames, and bytes that belong to none. */
      readonly whole: number;
      readonly skipped: number;
      /** Frames that devices said. */
      readonly answers: number;
      readonly doing: Text;
    }
  | TrafficHeard
  | SettingsFound;

/** One frame of a write. */
export interface WriteFrame {
  readonly bytes: Uint8Array;
  /** For people: `FC6 0x0034 = 100`. */
  readonly label: string;
  /** LoRaWAN's FPort. */
  readonly port?: number | undefined;
  /** There is no answer on the line: what became of it is told later, or never. */
  readonly unanswered?: boolean | undefined;
  /**
   * What an answer means: done; the next frame (a write that needed a read first); undefined for what
   * is no answer to this frame. Throws GatewayError when the device refuses. Pure.
   */
  answered(reply: Uint8Array): "done" | WriteFrame | undefined;
}

/** A plausible value of a reading (`<point>` or `<point>/<bit>`) so many seconds after the simulation began. */
export type Specimen = (point: Point, seconds: number, reading: string) => Value | undefined;

/** What a simulated device is made of. */
export interface SimulationInput<Connection = unknown, Settings = unknown> {
  /** What each example of the profile gives. */
  readonly given: readonly unknown[];
  readonly specimen: Specimen;
  readonly settings: Settings;
  readonly connection: Connection;
}

export interface SimulatedDevice {
  /** Said one after the other, and over again. */
  readonly words?: readonly Uint8Array[] | undefined;
  /** Pause between words, ms. */
  readonly everyMs?: number | undefined;
  /** The answer to bytes that came in one go, `seconds` after the simulation began, or undefined for silence. */
  answer?(bytes: Uint8Array, seconds: number): Uint8Array | undefined;
}

export interface ProbeInput<Settings = unknown> {
  /** Undefined where nobody said which device, and there is no usual one. */
  readonly settings: Settings | undefined;
  /** Where to look, or what to ask, as a person writes it after `--at`: `holding 0x34`, `scan`. Undefined: everywhere. */
  readonly at: string | undefined;
  /** What the device's display shows, for ranking. */
  readonly expected: number | undefined;
  /** How long to listen to a device that speaks first, ms. */
  readonly listenMs: number;
}

/** One way to read what is there. */
export interface ProbeFinding {
  /** As a profile would write it. */
  readonly at: string;
  readonly value: string;
  /** The likelier, the higher; 0 to 1. Undefined where there is nothing to choose. */
  readonly likely?: number | undefined;
  readonly note?: string | undefined;
}

/** What went out, and what came in until something went out again. */
export interface Turn {
  readonly sent: Uint8Array;
  readonly received: Uint8Array;
}

/** An address that does not exist: which key of it is to blame, and what may have been meant. */
export class AddressProblem extends RangeError {
  readonly key: string;
  readonly hint: string | undefined;
  constructor(key: string, message: string, hint?: string) {
    super(message);
    this.name = new.target.name;
    this.key = key;
    this.hint = hint;
  }
}

export interface ProtocolFinding {
  readonly path: readonly (string | number)[];
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly severity?: "error" | "warning";
}

/** What a device taught about itself; plain JSON, kept on disk per device by the loop. `{}` = nothing yet. */
export type Learned = Readonly<Record<string, unknown>>;

/** One transaction: the points it answers and what it costs on this line. Protocols extend it with what they need. */
export interface ReadRequest<Address = unknown> {
  readonly points: readonly Point<Address>[];
  /** Line time of one transaction in ms: request, turnaround, reply, silences. */
  readonly costMs: number;
  /** For people: `FC4 0x0034..0x0057 (36 registers)`. */
  readonly label: string;
}

export interface ReadPlan<Address = unknown> {
  readonly requests: readonly ReadRequest<Address>[];
  /** How many of them may run at the same time on this connection; 1 unless said. */
  readonly concurrency?: number | undefined;
  /** Points that the device sends by itself: there is no request for them. */
  readonly heard?: readonly Point<Address>[] | undefined;
}

/**
 * The code of a TransientError that is no fault of the device: nothing was asked of it that it could
 * have answered for certain. It is asked again at its next turn, and nothing is held against it.
 */
export const unsent = "quarantine";

/** The live object on one connection. One call at a time, except where `concurrency` says more. */
export interface Driver<Address = unknown, Settings = unknown, Head = unknown> extends AsyncDisposable {
  /** How many `read`s may run at the same time (Modbus TCP pipelining). 1 on any serial line. */
  readonly concurrency: number;
  /** Aborts with a LinkError when the link is gone; every call then rejects with it. */
  readonly lost: AbortSignal;
  /**
   * One raw value or problem per point of the request. Rejects with TransientError (no or damaged
   * answer: this device, this time), UnsupportedPointError (the device refuses this address range),
   * LinkError (the line). A reply that could belong to another request is never taken.
   */
  read?(
    device: Device<Address, Settings, Head>,
    request: ReadRequest<Address>,
    signal: AbortSignal,
  ): Promise<PointResult<Address>[]>;
  /**
   * Writes one raw value. Resolves when the device has confirmed it, or with a PendingWrite when a slow
   * far side has only taken it over: the line is then free. Rejects with RefusedError (the device said
   * no: never tried again), TransientError (no or damaged answer: nobody knows whether it arrived),
   * ConfigError (it cannot be written there; nothing was sent) or LinkError. Bits of a register that
   * others share are written by read-modify-write inside this call.
   */
  write?(
    device: Device<Address, Settings, Head>,
    order: DriverWrite<Address>,
    signal: AbortSignal,
  ): Promise<PendingWrite | undefined>;
  /**
   * Who is on the line: called after opening and whenever that changes. For devices that speak
   * first; what they say goes to `context.emit`. A replay has emitted all of it when this resolves.
   * Returns the devices that cannot be heard or told apart beside the others; one of them never keeps
   * the others from being heard.
   */
  listen?(
    devices: readonly Device<Address, Settings, Head>[],
  ): Promise<readonly Refusal[]> | Promise<void> | readonly Refusal[] | void;
  /** Devices that were heard and are not configured, the latest first; bounded. */
  unknown?(): readonly UnknownDevice[];
  /** Counters for people: frames, bytes, errors by kind. */
  readonly statistics: Readonly<Record<string, number>>;
}

/** One raw value for one address. */
export interface DriverWrite<Address = unknown> {
  readonly address: Address;
  readonly raw: RawValue;
  /** Unix ms after which a slow far side is not to deliver it any more. */
  readonly expiresAt?: number | undefined;
}

/** A write that a slow far side has taken over (LoRaWAN class A). */
export interface PendingWrite {
  /**
   * The stages as they come, the present one first; ends when it was delivered as surely as this far
   * side can tell. Throws RefusedError (`expired`, `not-delivered`, `taken-back`). May be read once.
   */
  stages(): AsyncIterable<"queued" | "sent" | "acknowledged">;
  /** Takes it back where that is possible. Rejects with RefusedError (`cannot-flush`) or LinkError. */
  takeBack?(): Promise<void>;
}

/** A device that a line cannot carry beside its others. */
export interface Refusal {
  readonly device: Device;
  readonly error: ConfigError;
}

/** How well a profile fits a device. */
export interface ProfileFit {
  /** 0 (not at all) to 1. */
  readonly fit: number;
  /** Whether its model's name says so; else it is only that the profile can read what was said. */
  readonly named: boolean;
  /** What it makes of the last word. */
  readonly readings: readonly Reading[];
}

/** A device that speaks and that gateway.yaml does not know. Plain data. */
export interface UnknownDevice {
  /** What gateway.yaml would say of it: `{devEui: "..."}`. */
  readonly settings: Readonly<Record<string, string>>;
  /** What it is called where it comes from. */
  readonly name?: string | undefined;
  /** What its model is called there. */
  readonly model?: string | undefined;
  readonly heard: number;
  readonly lastHeard: Instant;
  /** Its last word, as an example would give it. */
  readonly given?: unknown;
}

/** What a driver says about a point: a raw value, or a problem and no value. */
export type PointResult<Address = unknown> =
  | { readonly point: Point<Address>; readonly at: Instant; readonly raw: RawValue }
  | {
      readonly point: Point<Address>;
      readonly at: Instant;
      readonly problem: Quality;
      readonly detail: string;
    };

/** A small JSON document of one connection. */
export interface DriverMemory {
  /** Undefined when there is none. Rejects with StorageError. */
  load(): Promise<unknown>;
  /** Replaces it whole; one call at a time. Rejects with StorageError. */
  save(value: unknown): Promise<void>;
}

/** What a driver is given from outside. */
export interface SouthboundContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly connect: Connect;
  /** The gateway's and the connection's name: for what must be the same after a restart. */
  readonly names?: { readonly gateway: string; readonly connection: string } | undefined;
  /**
   * For drivers whose devices speak first. Resolves when the readings are durable or deliberately
   * left out; of a protocol whose every word counts it rejects when they were lost, so that who can
   * send them again may do so.
   *
   * `mark`: for what may be sent again after a restart: the same short word each time (at most 128
   * bytes, it begins with the device's id and a blank). What is durable under it is not taken again. The
   * results may then be of several moments, in order: those of one moment stand together.
   */
  emit(device: Device, results: readonly PointResult[], mark?: string): Promise<void>;
  /** The newest marks that an earlier run stored, oldest first; absent where nothing is. */
  readonly marks?: readonly string[] | undefined;
  /** What a driver keeps for the next start; absent where nothing is. What cannot be loaded is undefined. */
  readonly memory?: DriverMemory | undefined;
  /** Runs codec scripts that come with profiles; absent where none can run. */
  readonly sandbox?: Pick<Sandbox, "load"> | undefined;
  /** A device that knows the time (GNSS) offers it: Unix ms as of monotonic `at`, and who says so. */
  readonly timeSource?: ((unixMs: number, at: number, source: string) => void) | undefined;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

import type { z } from "zod";
import type { Clock, Random } from "../model/clock.ts";
import type { ReplyTo } from "../model/command.ts";
import type { Log } from "../model/log.ts";

/** A pack on its way out: time resolved, possibly several merged into one. */
export interface OutgoingPack {
  readonly lane: "urgent" | "live" | "backlog";
  readonly audience: string;
  readonly run: string;
  readonly seq: number;
  /** Last seq inside when packs were merged; equals `seq` otherwise. */
  readonly seqTo: number;
  /** SenML-CBOR, uncompressed. */
  readonly bytes: Uint8Array;
}

/** The far side that takes packs and gives commands. One live object per configured northbound. */
export interface Northbound extends AsyncDisposable {
  /** Largest uncompressed pack that the far side takes right now, in bytes. */
  readonly maxPackBytes: number;
  /**
   * Resolves once the far side owns it. Rejects with LinkError (not connected: try again later) or
   * RefusedError (the far side will never take it: park it). Up to `concurrency` may run at once.
   */
  publish(pack: OutgoingPack, signal: AbortSignal): Promise<void>;
  readonly concurrency: number;
  /** How fast stored packs may follow after an outage; absent: as fast as the far side takes them. */
  readonly backlogRate?: BacklogRate | undefined;
  /** What stands in front of everything that this gateway says there: `{root}/v1/{gateway}`. */
  readonly topics: string;
  /** Replaces a retained fact (`state`, `description/<device>`); an empty body withdraws it. Best effort: sent again after a reconnect. */
  announce(topic: string, body: Uint8Array): void;
  /**
   * Answers a command. Resolves once the far side owns it; rejects as `publish` does. Nothing is kept
   * here: who answers tries again. Absent: this far side takes no answers.
   */
  answer?(answer: Answer, signal: AbortSignal): Promise<void>;
  /** Resolves when connected; at once if it is. Rejects with the signal's reason, and with LinkError when it is disposed. */
  connected(signal: AbortSignal): Promise<void>;
  status(): NorthboundStatus;
}

/** Spares the far side when a whole fleet comes back. Both bounds hold. */
export interface BacklogRate {
  /** Messages, each of one pack or several merged. */
  readonly packsPerSecond?: number | undefined;
  /** Uncompressed. */
  readonly bytesPerSecond?: number | undefined;
}

/** A message that asks for something to be written, as it came. Nothing of it is checked but its size. */
export interface IncomingCommand {
  /** From the topic. */
  readonly device: string;
  /** At most `longestCommand` bytes; a longer one comes cut off there, with `oversize`. */
  readonly body: Uint8Array;
  readonly oversize?: boolean | undefined;
  /** The broker kept it: nobody knows since when. Cannot be seen by a live subscription of MQTT 3.1.1. */
  readonly retained: boolean;
  /** MQTT 5: what the sender says beside the body. */
  readonly contentType?: string | undefined;
  readonly properties: ReadonlyMap<string, string>;
  /** MQTT 5: ms that the message may still wait, by its sender (Message Expiry Interval). */
  readonly expiresInMs?: number | undefined;
  readonly replyTo?: ReplyTo | undefined;
}

/** Bytes of a command, signature included. */
export const longestCommand = 4096;

/** A command's result on its way out. */
export interface Answer {
  readonly device: string;
  /** CBOR: docs/telemetry.cddl. */
  readonly body: Uint8Array;
  readonly replyTo?: ReplyTo | undefined;
}

export interface NorthboundStatus {
  readonly connected: boolean;
  /** For people: `mqtts://broker.example:8883 (MQTT 5)`. Never a secret. */
  readonly peer: string;
  /** Unix ms since when, undefined while the clock is not trusted. */
  readonly since?: number | undefined;
  /** Why not connected, or what went wrong last. */
  readonly lastError?:
    | { readonly code: string; readonly message: string; readonly hint?: string | undefined }
    | undefined;
  readonly published: number;
  readonly bytes: number;
  readonly refused: number;
  /** Messages that asked for something to be written; absent where no commands are wanted. */
  readonly commands?:
    | {
        /** Whether the far side sends them; false also when it refuses to. */
        readonly subscribed: boolean;
        readonly taken: number;
        /** To topics that are none of this gateway's. */
        readonly ignored: number;
        /** Times that the disk did not take one. */
        readonly notKept: number;
      }
    | undefined;
}

export interface NorthboundContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly gateway: string;
  readonly run: string;
  /** The retained body that says "offline", left with the broker as last will. */
  readonly lastWill: Uint8Array;
  /** The retained body that a planned end leaves; `lastWill` when it is not given. */
  farewell?(): Uint8Array;
  /**
   * Takes a command over. Resolves when it is durable, or refused and that is durable: only then is it
   * acknowledged to the far side. Rejects when the disk does not take it: it may come again. Absent: no
   * commands are wanted, and none are subscribed to.
   */
  onCommand?: ((command: IncomingCommand) => Promise<void>) | undefined;
  /** Absent: nobody is asked what the city wants. */
  readonly desired?: DesiredIntake | undefined;
  readonly signal: AbortSignal;
}

/** Takes what the city wants of this gateway and of the groups that it is in: retained, at most `longestDesiredState` bytes. */
export interface DesiredIntake {
  readonly groups: readonly string[];
  /** As `onCommand`: resolves when it is durable or counts for nothing. A longer one comes cut off one byte after its end. */
  take(scope: { readonly kind: "gateway" | "group"; readonly name: string }, body: Uint8Array): Promise<void>;
}

/** Signature included. */
export const longestDesiredState = 8192;

/** The plug-in's description: one folder and one entry in `index.ts`. */
export interface NorthboundKind<Settings = unknown> {
  /** The word in `type:` of a northbound in gateway.yaml. */
  readonly name: string;
  readonly settings: z.ZodType<Settings>;
  /** Never rejects because the far side is away: it keeps trying. ConfigError when it can never work (missing CA file). */
  open(settings: Settings, context: NorthboundContext): Promise<Northbound>;
}

import type { Command, CommandOrigin, CommandResult, Priority } from "../model/command.ts";
import type { Device } from "../model/device.ts";
import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import type { Answer, IncomingCommand } from "../northbound/northbound.ts";
import type { WriteOrder, WriteOutcome } from "../southbound/write-order.ts";

/** The one desk that every command passes. All methods may be called at any time. */
export interface CommandDesk extends AsyncDisposable {
  /** A message of a far side. Resolves when it is durable, or refused and that is durable; rejects with StorageError. */
  receive(northbound: string, message: IncomingCommand): Promise<void>;
  /**
   * A command from inside. Resolves with its first result once that is durable: `accepted`, or `failed`
   * with the refusal. A known id gives its present result. Rejects with StorageError.
   */
  submit(command: Command, origin: CommandOrigin): Promise<CommandResult>;
  /** What a command would be told, without doing it: undefined when it would be accepted. */
  check(command: Command, origin: CommandOrigin): CommandResult | undefined;
  /**
   * The results of one command as they come, the present one first, up to the last. Ends at once for an
   * unknown id. Ids are unique per issuer: without one it is the newest command with this id.
   */
  follow(id: string, signal: AbortSignal, issuer?: string): AsyncIterable<CommandResult>;
  /** Results of all commands from now on; a slow reader loses the oldest and is told how many. */
  results(signal: AbortSignal): AsyncIterable<CommandResult | { readonly lost: number }>;
  /** The latest result of every command that is kept, the newest first. */
  list(filter?: {
    device?: string;
    point?: string;
    open?: boolean;
    limit?: number;
  }): readonly CommandResult[];
  /** Who holds which point now, and until when. */
  holds(): readonly Hold[];
  /** What the desk keeps: for people and metrics. */
  status(): DeskStatus;
}

/** A point that somebody holds: weaker classes are refused. */
export interface Hold {
  readonly device: string;
  readonly point: string;
  readonly priority: Priority;
  readonly issuer: string;
  readonly value: Value;
  /** Unix ms; undefined: until released. */
  readonly until?: number | undefined;
}

export interface DeskStatus {
  /** Commands that have no last word yet. */
  readonly open: number;
  readonly accepted: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly expired: number;
  /** By code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Answers that no far side has taken yet. */
  readonly unanswered: number;
  /** Why commands are refused as a whole: the ledger's disk. */
  readonly problem?: string | undefined;
}

/** The field, as the desk sees it. */
export interface Field {
  device(id: string): Device | undefined;
  /** The latest reading of a point, good or not. */
  latest(device: string, point: string): Reading | undefined;
  /**
   * As `ConnectionLoop.expectWrite`: so that a command waits for the disk and for the line at once.
   * Absent where nothing is gained by it, undefined for a device without a line.
   */
  expectWrite?(device: string): Disposable | undefined;
  /** As `ConnectionLoop.write`. */
  write(device: string, order: WriteOrder, signal: AbortSignal): Promise<WriteOutcome>;
}

/** The far sides, as the desk sees them. */
export interface Answerers {
  /** As `Northbound.answer`; rejects with LinkError where there is no such far side. */
  answer(northbound: string, answer: Answer, signal: AbortSignal): Promise<void>;
  /** Resolves when that far side is connected. Rejects with the signal's reason. */
  connected(northbound: string, signal: AbortSignal): Promise<void>;
}

/** One line of the audit log: who, what, when, why not, and what it was before and after. Never a secret. */
export interface AuditEntry {
  /** `command` | `config` | `user` | `failsafe` | `start` ...: what happened, in one word. */
  readonly what: string;
  readonly who: string;
  /** Plain JSON. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Takes audit entries; the time and its trust are added. Never rejects: what cannot be kept is counted and told. */
export interface Audit {
  record(entry: AuditEntry): Promise<void>;
}

// A little long: one seam of the local API, most of it what its methods promise.
import type { DeviceCheck, DeviceVerdict, Missing } from "../model/acceptance.ts";
import type { Command, CommandOrigin, CommandResult } from "../model/command.ts";
import type { PortFacts } from "../model/commissioning.ts";
import type { Text } from "../model/device.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Job, JobCost, JobKind } from "../model/job.ts";

export type {
  ActuatorVerdict,
  DeviceCheck,
  DeviceVerdict,
  Missing,
  PointVerdict,
} from "../model/acceptance.ts";

// What the technician's page and `stadsnod` ask of a gateway beyond its readings and commands: the part of the
// local API that puts a gateway into service and keeps it there. Plain data; times are ISO 8601.

/** A part that is absent is answered with 404. */
export interface LocalService {
  ports(): Promise<readonly PortFacts[]>;
  /** Every profile there is, shipped or the city's own; undefined where the list still is what `known` names. */
  profiles(known?: string): Promise<ProfileList | undefined>;
  /** What the machine says of itself. */
  machine(): Promise<MachineFacts>;
  /** What is wrong now, the worst first. */
  alarms(): readonly Alarm[];
  /** How far the gateway is with its certificate; undefined where nobody has begun. */
  enrolment(): Promise<EnrolmentFacts | undefined>;
  /** The last frames of a connection, the oldest first; then as they come. Throws ConfigError (`unknown-connection`) at once. */
  frames(
    connection: string,
    signal: AbortSignal,
  ): AsyncIterable<readonly FrameSeen[] | { readonly lost: number }>;
  readonly jobs: LocalJobs;
  readonly configuration: LocalConfiguration;
  readonly commissioning: LocalCommissioning;
  readonly updates: LocalUpdates;
}

/** Updates of the whole system. */
export interface LocalUpdates {
  /** Undefined where no updater answers. */
  state(): UpdateFacts | undefined;
  /** Begins one. Rejects with RefusedError (`update-busy`, `downgrade`, `failed-before`, `already-runs`, `no-updater`, `bad-bundle-name`). */
  install(
    what: { readonly file?: string; readonly url?: string; readonly sha256?: string },
    by: string,
  ): Promise<void>;
  /** Files in the folder of bundles that could be installed. Rejects with StorageError. */
  bundles(): Promise<readonly string[]>;
  /** Back to the former system. Rejects with RefusedError (`nothing-to-roll-back`). */
  rollBack(by: string): Promise<void>;
  /** Without waiting for the health gate. Rejects with RefusedError (`nothing-to-commit`). */
  commit(by: string): Promise<void>;
}

export interface UpdateFacts {
  /** Where the update is, or how the last one ended. */
  readonly phase: string;
  /** Percent of what is being done. */
  readonly progress?: number | undefined;
  /** Of the system that runs. */
  readonly version: string;
  readonly target?: string | undefined;
  readonly rollout?: string | undefined;
  readonly by?: string | undefined;
  /** Why it ended so, or what it waits for. */
  readonly why?: { readonly code: string; readonly message: string } | undefined;
  /** Versions that did not work here and are not tried again. */
  readonly failed: readonly {
    readonly version: string;
    readonly why: { readonly code: string; readonly message: string };
  }[];
  /** What the city wants here; absent: nothing, or nobody is asked. */
  readonly desired?: UpdateDesired | undefined;
  readonly compatible: string;
  readonly slots: readonly {
    readonly name: string;
    readonly booted: boolean;
    readonly state: "good" | "bad" | "unknown";
    readonly version?: string | undefined;
    readonly installedAt?: string | undefined;
  }[];
}

export interface UpdateDesired {
  readonly version: string;
  /** Who is meant: `gateway/pole-17`, `group/north`. */
  readonly scope: string;
  readonly serial: number;
  readonly rollout?: string | undefined;
  /** Not earlier. */
  readonly notBefore?: string | undefined;
  /** Times of day at which it may be done, local: `01:00-04:00`. */
  readonly window?: string | undefined;
  /** Why nothing is done about it, where it is known. */
  readonly why?: { readonly code: string; readonly message: string } | undefined;
}

/** Kept as it is sent: hundreds of profiles are more than anybody should hold as objects. */
export interface ProfileList {
  /** Changes when a profile does. */
  readonly tag: string;
  /** JSON of `ProfileSummary[]`, gzipped. */
  readonly gzip: Uint8Array;
}

export interface ProfileSummary {
  readonly id: string;
  readonly version: string;
  readonly title: Text;
  readonly manufacturer: string;
  readonly models: readonly string[];
  readonly category: string;
  readonly status: string;
  readonly protocol: string;
  /** Names, titles and units of what it offers. */
  readonly points: readonly {
    readonly name: string;
    readonly title?: Text;
    readonly unit?: string;
    readonly writable: boolean;
  }[];
  readonly options: readonly {
    readonly name: string;
    readonly values: readonly string[];
    readonly default?: string;
  }[];
}

export interface MachineFacts {
  /** `Raspberry Pi 4 Model B Rev 1.5`; undefined where the machine does not say. */
  readonly model?: string | undefined;
  readonly os: string;
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly uptimeS: number;
  readonly load: number;
  readonly memory: { readonly totalMB: number; readonly freeMB: number };
  /** Of the storage folder. */
  readonly disk: { readonly totalMB: number; readonly freeMB: number };
  readonly temperatureC?: number | undefined;
  /** The supply was too weak, now or since the start. */
  readonly undervoltage?: "now" | "earlier" | "never" | undefined;
  /** Who keeps the clock: `systemd-timesyncd`, `chrony`; undefined: nobody. */
  readonly timeKeeper?: string | undefined;
  readonly node: string;
  /** The image's slot and version, where the gateway runs from one of ours. */
  readonly image?: { readonly slot: string; readonly version: string; readonly other?: string } | undefined;
}

/** As `Progress` of enrolment. */
export interface EnrolmentFacts {
  readonly state: string;
  readonly gateway?: string | undefined;
  readonly why?:
    | { readonly code: string; readonly message: string; readonly hint?: string | undefined }
    | undefined;
  /** Seconds from `at` until the next try. */
  readonly nextS?: number | undefined;
  readonly certificate?:
    | {
        readonly subject: string;
        readonly issuer: string;
        readonly serial: string;
        readonly from: string;
        readonly to: string;
        readonly renewal: string;
        readonly fingerprint: string;
      }
    | undefined;
  readonly tokenLeft?: true | undefined;
  /** When it was told, by the clock of then. */
  readonly at?: string | undefined;
}

export const alarmSeverities = ["critical", "major", "minor", "warning"] as const;
/** As ITU-T X.733, 8.1.2.3. */
export type AlarmSeverity = (typeof alarmSeverities)[number];

/** Something that somebody should look at. Ends by itself when it is no longer so. */
export interface Alarm {
  /** The same as long as it is the same trouble: `device lamp-1 not-available`. */
  readonly id: string;
  readonly severity: AlarmSeverity;
  readonly since?: string | undefined;
  readonly message: Text;
  readonly fix?: Text | undefined;
  readonly device?: string | undefined;
  readonly point?: string | undefined;
  readonly connection?: string | undefined;
  readonly northbound?: string | undefined;
}

/** Bytes that went out or came in, in one piece. */
export interface FrameSeen {
  readonly at: string;
  readonly direction: "sent" | "received";
  /** Bytes as hexadecimal pairs, at most 512 of them. */
  readonly hex: string;
  readonly bytes: number;
}

export interface LocalJobs {
  list(): readonly Job[];
  get(id: string): Job | undefined;
  /** Begins one. Rejects with ConfigError (`bad-job`, `unknown-job-kind`, `unknown-connection`), RefusedError (`line-busy`, `too-many-jobs`). */
  start(kind: JobKind, what: Readonly<Record<string, unknown>>, by: string): Promise<Job>;
  /** What it would cost, without beginning it; undefined where nobody can know. Rejects as `start`. */
  cost?(kind: JobKind, what: Readonly<Record<string, unknown>>, by: string): Promise<JobCost | undefined>;
  /** The job as it changes, the present state first; ends with it. */
  follow(id: string, signal: AbortSignal): AsyncIterable<Job>;
  stop(id: string): boolean;
  /** A file that a job made, while it is kept. */
  file(id: string, name: string): Uint8Array | undefined;
}

/** A text that could be gateway.yaml, looked at. */
export interface ConfigurationCheck {
  readonly diagnostics: readonly Diagnostic[];
  /** What would change, a line each; empty where nothing would. */
  readonly changes: readonly string[];
  /** What would need a restart. */
  readonly restartNeeded: readonly string[];
}

/** One text that was gateway.yaml. */
export interface Generation {
  /** 1 for the oldest. */
  readonly number: number;
  readonly at: string;
  readonly by: string;
  readonly note?: string | undefined;
  /** SHA-256 of the text, hex. */
  readonly hash: string;
  readonly current: boolean;
}

export interface LocalConfiguration {
  /** The text with stars for secrets, and the hash of the file behind it. */
  read(): Promise<{ readonly text: string; readonly hash: string }>;
  check(text: string): Promise<ConfigurationCheck>;
  /**
   * Writes and applies it; stars stand for the secrets that the file has in the same places. Applied: the former
   * text is kept as a generation. Rejects with RefusedError (`changed-meanwhile`: `hash` is not the file's).
   */
  apply(
    text: string,
    hash: string,
    by: string,
    note?: string,
  ): Promise<ConfigurationCheck & { readonly applied: boolean; readonly generation?: number }>;
  generations(): Promise<readonly Generation[]>;
  generation(number: number): Promise<{ readonly text: string }>;
  /** Applies an earlier one, as a new generation. */
  rollBack(number: number, by: string): Promise<ConfigurationCheck & { readonly applied: boolean }>;
  /** JSON Schema of gateway.yaml, for help while typing. */
  schema(): Promise<unknown>;
}

/** A device that a technician puts into service; becomes an entry of gateway.yaml. */
export interface NewDevice {
  readonly id: string;
  readonly profile: string;
  /** A connection of gateway.yaml, or with `connectionSettings` the name of a new one. */
  readonly connection: string;
  readonly connectionSettings?: Readonly<Record<string, unknown>> | undefined;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly title?: string | undefined;
  readonly owner?: string | undefined;
  readonly place?: string | undefined;
  readonly position?: { readonly lat: number; readonly lon: number } | undefined;
  readonly options?: Readonly<Record<string, string>> | undefined;
}

export interface CommissioningState {
  readonly devices: readonly DeviceVerdict[];
  /** What keeps the gateway from being accepted; empty where nothing does. */
  readonly missing: readonly Missing[];
  /** The last test of each far side. */
  readonly northbound: readonly { readonly name: string; readonly ok: boolean; readonly at?: string }[];
  readonly reports: readonly {
    readonly id: string;
    readonly at: string;
    readonly by: string;
    readonly ok: boolean;
  }[];
}

export interface LocalCommissioning {
  state(): Promise<CommissioningState>;
  /** Adds the device, and its connection where it is new, to gateway.yaml, and applies it. Rejects with ConfigError and what is wrong. */
  add(device: NewDevice, by: string): Promise<{ readonly changes: readonly string[] }>;
  remove(device: string, by: string): Promise<{ readonly changes: readonly string[] }>;
  check(check: DeviceCheck, by: string): Promise<void>;
  /** The report that accepted a device as it is now; undefined while it is being put into service. */
  acceptedBy(device: string): Promise<string | undefined>;
  /**
   * Hands a command in to see whether the device obeys, and notes what becomes of it. Rejects with RefusedError
   * (`accepted`): what has been accepted is for operators to command.
   */
  test(command: Command, origin: CommandOrigin): Promise<CommandResult>;
  /** Makes the acceptance report, signed with the gateway's key. Rejects with RefusedError (`not-ready`) unless all is well or `despite` says why. */
  accept(
    by: string,
    what: { readonly technician: string; readonly note?: string; readonly despite?: string },
  ): Promise<{ readonly id: string }>;
  report(id: string, as: "json" | "html", language?: "en" | "sv"): Promise<string>;
}

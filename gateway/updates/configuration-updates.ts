import * as z from "zod";
import type { Clock } from "../model/clock.ts";
import { GatewayError, RefusedError, StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Disk } from "../store/disk.ts";
import { readDocument, replaceDocument } from "../store/documents.ts";
import type { ConfigurationBundle } from "./configuration-bundle.ts";
import type { Reason } from "./record.ts";
import { compareVersions } from "./semver.ts";

/** What a configuration consists of; a profile that is null is not there. */
export interface ConfigurationFiles {
  readonly gateway?: string | undefined;
  readonly profiles: Readonly<Record<string, string | null>>;
}

/** The configuration of a running gateway, as updates see it. */
export interface ConfigurationTarget {
  /** What stands there now, of gateway.yaml and of these profiles. */
  current(
    profiles: readonly string[],
  ): Promise<{ readonly gateway: string; readonly profiles: ConfigurationFiles["profiles"] }>;
  /** Writes and applies them. Rejects with ConfigError when the gateway does not take them: nothing may be left as it was. */
  apply(files: ConfigurationFiles, by: string, note: string): Promise<readonly string[]>;
  /** Names of points that are configured, and of those whose last reading is good. */
  points(): { readonly known: readonly string[]; readonly good: readonly string[] };
}

export interface ConfigurationUpdatesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Of files that only the gateway may read: gateway.yaml may hold secrets. */
  readonly disk: Disk;
  readonly target: ConfigurationTarget;
  changed?(): void;
}

const reason = z.object({ code: z.string(), message: z.string() });
const recordSchema = z.object({
  format: z.literal(1),
  phase: z.enum(["idle", "applying", "watching", "kept", "going-back", "rolled-back", "refused"]),
  version: z.string().optional(),
  by: z.string().optional(),
  why: reason.optional(),
  changes: z.array(z.string()).default([]),
  /** What is put back. */
  before: z.object({ gateway: z.string(), profiles: z.record(z.string(), z.string().nullable()) }).optional(),
  /** Points that were good before. */
  good: z.array(z.string()).optional(),
  /** The last version that was kept. */
  kept: z.string().optional(),
  failed: z.array(z.object({ version: z.string(), why: reason })).default([]),
});
type ConfigurationRecord = z.output<typeof recordSchema>;
export type ConfigurationState = Omit<ConfigurationRecord, "before" | "good" | "format">;

const documentName = "configuration.json";
const empty: ConfigurationRecord = { format: 1, phase: "idle", changes: [], failed: [] };
const mostPoints = 5000;
const mostFailed = 16;
const mostChanges = 50;

/** Devices are asked anew, and slow points have their period. */
const settleMs = 2 * 60_000;
const watchMs = 10 * 60_000;
const lookMs = 30_000;
/** So many looks in a row: a device that is away for a moment is not the configuration's fault. */
const badLooks = 4;
/** Of the points that were good before and are still configured. */
const mostLost = 0.1;

/** Which share of what was good, and still is wanted, is good no more; 0 where nothing was. */
export function lostShare(
  before: readonly string[],
  { known, good }: ReturnType<ConfigurationTarget["points"]>,
): number {
  const [wanted, well] = [new Set(known), new Set(good)];
  const still = before.filter((point) => wanted.has(point));
  return still.length === 0 ? 0 : still.filter((point) => !well.has(point)).length / still.length;
}

/**
 * Takes signed configurations: applies one, watches the readings, and puts the former one back when they become
 * worse or the power went while it was being applied. Each step is durable before it is taken.
 */
export class ConfigurationUpdates implements AsyncDisposable {
  readonly #options: ConfigurationUpdatesOptions;
  readonly #stop = new AbortController();
  readonly #ready: Promise<void>;
  #record = empty;
  #work: Promise<void> = Promise.resolve();

  constructor(options: ConfigurationUpdatesOptions) {
    this.#options = options;
    this.#ready = this.#resume();
    this.#ready.catch((error: unknown) =>
      options.log.error({ err: error }, "the former configuration could not be put back"),
    );
  }

  state(): ConfigurationState {
    const { before, good, format, ...state } = this.#record;
    return state;
  }

  /** Resolves when it is applied and being watched. Rejects with RefusedError: `configuration-busy`, `already-runs`, `downgrade`, `failed-before`, `bad-configuration`. */
  async install(bundle: ConfigurationBundle, by: string, allowDowngrade = false): Promise<void> {
    await this.#ready;
    const { target, disk: _, ...rest } = this.#options;
    const { version, gateway, profiles } = bundle;
    const no = this.#notAdmitted(version, allowDowngrade);
    if (no) throw no;
    const before = await target.current(Object.keys(profiles));
    const good = target.points().good.slice(0, mostPoints);
    const { kept, failed } = this.#record;
    const base = { ...empty, kept, failed, version, by };
    await this.#become({
      ...base,
      phase: "applying",
      before: { gateway: before.gateway, profiles: { ...before.profiles } },
      good: [...good],
    });
    try {
      const changes = await target.apply({ gateway, profiles }, by, `configuration ${version}`);
      await this.#become({ ...this.#record, phase: "watching", changes: changes.slice(0, mostChanges) });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      await this.#goBack({ code: error.code, message: error.message.slice(0, 1000) }, "refused");
      throw new RefusedError(`configuration ${version} is not taken: ${error.message}`, {
        code: "bad-configuration",
        hint: error.hint,
      });
    }
    this.#work = this.#watch(rest.clock);
    this.#work.catch((error: unknown) => rest.log.error({ err: error }, "watching a configuration broke"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ready.catch(() => {});
    await this.#work.catch(() => {});
  }

  #notAdmitted(version: string, allowDowngrade: boolean): RefusedError | undefined {
    const { phase, kept, failed } = this.#record;
    const refuse = (code: string, message: string) => new RefusedError(message, { code });
    if (phase === "applying" || phase === "watching" || phase === "going-back")
      return refuse("configuration-busy", `configuration ${this.#record.version} is being tried`);
    if (failed.some((one) => one.version === version))
      return refuse("failed-before", `configuration ${version} did not work here`);
    if (kept !== undefined && compareVersions(version, kept) === 0)
      return refuse("already-runs", `configuration ${version} is the one that runs`);
    if (kept !== undefined && compareVersions(version, kept) < 0 && !allowDowngrade)
      return refuse("downgrade", `configuration ${version} is older than ${kept}`);
    return undefined;
  }

  async #become(record: ConfigurationRecord): Promise<void> {
    await replaceDocument(this.#options.disk, documentName, record);
    this.#record = record;
    const { phase, version, why } = record;
    this.#options.log.info({ phase, version, why }, "configuration");
    this.#options.changed?.();
  }

  async #resume(): Promise<void> {
    const { disk, clock, log } = this.#options;
    this.#record = recordSchema.safeParse(await readDocument(disk, documentName)).data ?? empty;
    const { phase, why } = this.#record;
    if (phase === "applying")
      await this.#goBack(
        { code: "interrupted", message: "the gateway stopped while it was applied" },
        "rolled-back",
      );
    else if (phase === "going-back")
      await this.#goBack(why ?? { code: "interrupted", message: "" }, "rolled-back");
    else if (phase === "watching") {
      this.#work = this.#watch(clock);
      this.#work.catch((error: unknown) => log.error({ err: error }, "watching a configuration broke"));
    }
  }

  async #watch(clock: Clock): Promise<void> {
    const from = clock.monotonic();
    let bad = 0;
    let lost = 0;
    try {
      await clock.sleep(settleMs, this.#stop.signal);
      while (clock.monotonic() - from < watchMs || bad > 0) {
        lost = lostShare(this.#record.good ?? [], this.#options.target.points());
        bad = lost > mostLost ? bad + 1 : 0;
        if (bad >= badLooks) break;
        await clock.sleep(lookMs, this.#stop.signal);
      }
    } catch (error) {
      // It is watched again from the next start on.
      if (this.#stop.signal.aborted) return;
      throw error;
    }
    if (bad >= badLooks) {
      const share = Math.round(lost * 100);
      await this.#goBack(
        { code: "quality", message: `${share} % of the points that were good are good no more` },
        "rolled-back",
      );
      return;
    }
    const { version, failed } = this.#record;
    await this.#become({
      ...this.#record,
      phase: "kept",
      kept: version,
      before: undefined,
      good: undefined,
      failed:
        version === undefined ? failed : failed.filter((one) => compareVersions(one.version, version) > 0),
    });
  }

  async #goBack(why: Reason, end: "rolled-back" | "refused"): Promise<void> {
    const { before, version, failed } = this.#record;
    await this.#become({ ...this.#record, phase: "going-back", why });
    const notRestored = before && (await this.#putBack(before, `back from configuration ${version}`));
    const message = `${why.message}${notRestored === undefined ? "" : `; the former one could not be put back: ${notRestored}`}`;
    const told = { code: why.code, message: message.slice(0, 1000) };
    // A power cut is not the configuration's fault.
    const blamed = version !== undefined && why.code !== "interrupted";
    await this.#become({
      ...this.#record,
      phase: end,
      why: told,
      before: undefined,
      good: undefined,
      failed: blamed ? [...failed, { version, why }].slice(-mostFailed) : failed,
    });
  }

  /** Why it could not be, if so: a gateway that would not take its own configuration any more must still be told another. */
  async #putBack(before: ConfigurationFiles, note: string): Promise<string | undefined> {
    const { target, log } = this.#options;
    try {
      await target.apply(before, "gateway", note);
      return undefined;
    } catch (error) {
      if (!(error instanceof GatewayError) || error instanceof StorageError) throw error;
      log.error({ code: error.code }, `the former configuration could not be put back: ${error.message}`);
      return error.message;
    }
  }
}

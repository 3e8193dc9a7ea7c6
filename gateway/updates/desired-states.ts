import { createHash, type KeyObject } from "node:crypto";
import * as z from "zod";
import type { Clock } from "../model/clock.ts";
import { RefusedError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Disk } from "../store/disk.ts";
import { readDocument, replaceDocument } from "../store/documents.ts";
import { type Desired, type DesiredSystem, inRollout, readDesired, type Scope } from "./desired.ts";
import type { Reason, Target } from "./record.ts";

export interface DesiredStatesOptions {
  readonly gateway: string;
  /** In the order in which they count. */
  readonly groups: readonly string[];
  readonly trust: ReadonlyMap<string, KeyObject>;
  /** For a target that names none. */
  readonly window?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: Disk;
  /** Rejects with RefusedError; `update-busy` and `no-updater` are tried again. */
  install(target: Target): Promise<void>;
  /** Told when what the city should know has changed. */
  changed?(): void;
}

/** What was taken and what became of it, for the city. */
export interface DesiredReport {
  readonly scope: string;
  readonly serial: number;
  /** Why nothing is done about it; absent: it is followed. */
  readonly why?: Reason | undefined;
}

const documentName = "desired.json";
const keptSchema = z.object({
  format: z.literal(1),
  serials: z.record(z.string(), z.int()),
  /** Targets that are wanted, by scope. */
  wanted: z.record(
    z.string(),
    z.object({
      serial: z.int(),
      by: z.string(),
      system: z
        .object({
          version: z.string(),
          url: z.string(),
          sha256: z.string(),
          allowDowngrade: z.boolean(),
          rollout: z.string().optional(),
          percentage: z.number(),
          notBefore: z.number().optional(),
          window: z.string().optional(),
        })
        .optional(),
    }),
  ),
  /** Serial number, by scope, that has been handed on: it is not begun a second time. */
  done: z.record(z.string(), z.int()),
});
type Kept = z.output<typeof keptSchema>;
type Wanted = NonNullable<Kept["wanted"][string]>;

const retryMs = 30_000;
const none: Kept = { format: 1, serials: {}, wanted: {}, done: {} };
const later: ReadonlySet<string> = new Set(["update-busy", "no-updater"]);

/** Keeps what the city wants, and hands it on once. */
export class DesiredStates implements Disposable {
  readonly #options: DesiredStatesOptions;
  #kept: Kept | undefined;
  #report: DesiredReport | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #timer: Disposable | undefined;
  #closed = false;

  constructor(options: DesiredStatesOptions) {
    this.#options = options;
    this.#retry();
  }

  report(): DesiredReport | undefined {
    return this.#report;
  }

  /**
   * Takes what came. Resolves when it is durable, or none that counts (forged, older than what is known, for others):
   * then it may be acknowledged. Rejects with StorageError.
   */
  receive(scope: Scope, bytes: Uint8Array): Promise<void> {
    return this.#alone(async () => {
      const kept = await this.#known();
      // A retained message that was taken away says nothing: what is under way goes on.
      if (bytes.length === 0) return;
      const key = `${scope.kind}/${scope.name}`;
      let read: ReturnType<typeof readDesired>;
      try {
        read = readDesired(bytes, scope, this.#options.trust);
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        this.#options.log.warn({ code: error.code, scope: key }, `no desired state: ${error.message}`);
        return;
      }
      const { desired, signedBy } = read;
      const last = kept.serials[key] ?? 0;
      if (desired.serial < last)
        this.#options.log.warn(
          { scope: key, serial: desired.serial, last },
          "an old desired state came again",
        );
      // A broker sends what it retains each time somebody subscribes.
      if (desired.serial <= last) return;
      const next: Kept = {
        ...kept,
        serials: { ...kept.serials, [key]: desired.serial },
        wanted: { ...kept.wanted, [key]: { serial: desired.serial, by: signedBy, ...systemOf(desired) } },
      };
      await replaceDocument(this.#options.disk, documentName, next);
      this.#kept = next;
      await this.#apply();
    });
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
  }

  #alone<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(action);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #known(): Promise<Kept> {
    this.#kept ??= keptSchema.safeParse(await readDocument(this.#options.disk, documentName)).data ?? none;
    return this.#kept;
  }

  #retry(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.timer(retryMs, () => {
      this.#alone(async () => {
        await this.#known();
        await this.#apply();
      })
        .catch((error: unknown) => this.#options.log.warn({ err: error }, "the desired state waits"))
        .finally(() => this.#retry());
    });
  }

  /** The gateway's own counts before those of its groups. */
  async #apply(): Promise<void> {
    const { gateway, groups } = this.#options;
    const kept = await this.#known();
    const scopes = [`gateway/${gateway}`, ...groups.map((group) => `group/${group}`)];
    const scope = scopes.find((key) => kept.wanted[key]?.system);
    const wanted = scope === undefined ? undefined : kept.wanted[scope];
    if (scope === undefined || !wanted?.system || kept.done[scope] === wanted.serial) return;
    const why = await this.#follow(wanted, wanted.system);
    const changed = this.#report?.why?.code !== why?.code || this.#report?.serial !== wanted.serial;
    this.#report = { scope, serial: wanted.serial, ...(why ? { why } : {}) };
    if (changed) this.#options.changed?.();
    if (why && later.has(why.code)) return;
    const next: Kept = { ...kept, done: { ...kept.done, [scope]: wanted.serial } };
    await replaceDocument(this.#options.disk, documentName, next);
    this.#kept = next;
  }

  async #follow({ by, serial }: Wanted, system: NonNullable<Wanted["system"]>): Promise<Reason | undefined> {
    const { gateway, install, window: usual } = this.#options;
    const { version, url, sha256, allowDowngrade, percentage, notBefore, window = usual } = system;
    const rollout = system.rollout ?? version;
    if (!inRollout(gateway, rollout, percentage))
      return { code: "not-in-rollout", message: `not among the ${percentage} % of ${rollout}` };
    try {
      await install({
        version,
        url,
        sha256,
        file: `${createHash("sha256").update(url).update(sha256).digest("hex").slice(0, 32)}.raucb`,
        allowDowngrade,
        by,
        rollout: `${rollout} (${serial})`,
        ...(notBefore === undefined ? {} : { notBefore }),
        ...(window === undefined ? {} : { window }),
      });
      return undefined;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return { code: error.code, message: error.message };
    }
  }
}

function systemOf({ system }: Desired): Pick<Wanted, "system"> {
  return system ? { system: keptSystem(system) } : {};
}

function keptSystem({ sha256, notBefore, ...rest }: DesiredSystem) {
  return {
    ...rest,
    sha256: Buffer.from(sha256).toString("hex"),
    ...(notBefore === undefined ? {} : { notBefore: notBefore * 1000 }),
  };
}

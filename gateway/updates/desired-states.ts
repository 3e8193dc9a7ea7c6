import { createHash, type KeyObject } from "node:crypto";
import * as z from "zod";
import type { Clock } from "../model/clock.ts";
import { LinkError, RefusedError, TransientError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Disk } from "../store/disk.ts";
import { readDocument, replaceDocument } from "../store/documents.ts";
import { type Desired, type DesiredArtifact, inRollout, readDesired, type Scope } from "./desired.ts";
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
  /** The same for a bundle of the configuration, and for whom it must be signed; `configuration-busy` is tried again too, and so is a LinkError. Absent: none is taken. */
  configure?(target: Target, scope: Scope): Promise<void>;
  /** Told when what the city should know has changed. */
  changed?(): void;
}

/** What the city may want. */
export const desiredKinds = ["system", "configuration"] as const;
export type DesiredKind = (typeof desiredKinds)[number];

/** What was taken and what became of it, for the city. */
export interface DesiredReport {
  readonly scope: string;
  readonly serial: number;
  /** Why nothing is done about it; absent: it is followed. */
  readonly why?: Reason | undefined;
}

/** What the city wants here, and why nothing is done about it, as far as that is known since the start. */
export interface DesiredNow extends DesiredReport {
  readonly version: string;
  readonly rollout?: string | undefined;
  /** Unix ms. */
  readonly notBefore?: number | undefined;
  /** Times of day, local: `01:00-04:00`. */
  readonly window?: string | undefined;
}

const documentName = "desired.json";
const keptArtifact = z.object({
  version: z.string(),
  url: z.string(),
  sha256: z.string(),
  allowDowngrade: z.boolean(),
  rollout: z.string().optional(),
  percentage: z.number(),
  notBefore: z.number().optional(),
  window: z.string().optional(),
});
const keptSchema = z.object({
  format: z.literal(1),
  serials: z.record(z.string(), z.int()),
  /** Targets that are wanted, by scope. */
  wanted: z.record(
    z.string(),
    z.object({
      serial: z.int(),
      by: z.string(),
      system: keptArtifact.optional(),
      configuration: keptArtifact.optional(),
    }),
  ),
  /** Serial number, by scope and kind, that has been handed on: it is not begun a second time. */
  done: z.record(z.string(), z.int()),
});
type Kept = z.output<typeof keptSchema>;
type Wanted = NonNullable<Kept["wanted"][string]>;

const retryMs = 30_000;
const none: Kept = { format: 1, serials: {}, wanted: {}, done: {} };
/** The way there is broken, not what is wanted. */
const waiting = "unreachable";
const later: ReadonlySet<string> = new Set([
  "update-busy",
  "no-updater",
  "configuration-busy",
  "not-yet",
  waiting,
]);

/** Keeps what the city wants, and hands it on once. */
export class DesiredStates implements Disposable {
  readonly #options: DesiredStatesOptions;
  #kept: Kept | undefined;
  readonly #reports = new Map<DesiredKind, DesiredReport>();
  #turn: Promise<unknown> = Promise.resolve();
  #timer: Disposable | undefined;
  #closed = false;

  constructor(options: DesiredStatesOptions) {
    this.#options = options;
    this.#retry();
    void this.#alone(() => this.#known()).catch((error: unknown) => this.#waits(error));
  }

  /** Undefined while what is kept has not been read. */
  now(kind: DesiredKind = "system"): DesiredNow | undefined {
    const chosen = this.#kept && this.#chosen(this.#kept, kind);
    if (!chosen) return undefined;
    const { key, wanted, artifact } = chosen;
    const { version, rollout, notBefore, window = this.#options.window } = artifact;
    const report = this.#reports.get(kind);
    const why = report?.scope === key && report.serial === wanted.serial ? report.why : undefined;
    return { scope: key, serial: wanted.serial, version, rollout, notBefore, window, why };
  }

  report(kind: DesiredKind = "system"): DesiredReport | undefined {
    return this.#reports.get(kind);
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
      const key = keyOf(scope);
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
        wanted: { ...kept.wanted, [key]: { serial: desired.serial, by: signedBy, ...artifactsOf(desired) } },
      };
      await replaceDocument(this.#options.disk, documentName, next);
      this.#kept = next;
      // It is durable; what is done about it may take its time.
      this.#applySoon();
    });
  }

  /** Something has changed: what had to wait may go on. */
  poke(): void {
    const waits = Array.from(this.#reports.values()).some(
      ({ why }) => why !== undefined && later.has(why.code),
    );
    if (waits) this.#applySoon();
  }

  #applySoon(): void {
    if (this.#closed) return;
    void this.#alone(() => this.#apply()).catch((error: unknown) => this.#waits(error));
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
        .catch((error: unknown) => this.#waits(error))
        .finally(() => this.#retry());
    });
  }

  #waits(error: unknown): void {
    this.#options.log.warn({ err: error }, "the desired state waits");
  }

  async #apply(): Promise<void> {
    for (const kind of desiredKinds) await this.#applyKind(kind);
  }

  /** The gateway's own counts before those of its groups. */
  #chosen(kept: Kept, kind: DesiredKind) {
    const { gateway, groups } = this.#options;
    const scopes: Scope[] = [
      { kind: "gateway", name: gateway },
      ...groups.map((name) => ({ kind: "group" as const, name })),
    ];
    for (const scope of scopes) {
      const key = keyOf(scope);
      const wanted = kept.wanted[key];
      const artifact = wanted?.[kind];
      if (artifact) return { scope, key, wanted, artifact };
    }
    return undefined;
  }

  async #applyKind(kind: DesiredKind): Promise<void> {
    const kept = await this.#known();
    const chosen = this.#chosen(kept, kind);
    if (!chosen) return;
    const { scope, key, wanted, artifact } = chosen;
    const done = `${key} ${kind}`;
    if (kept.done[done] === wanted.serial) return;
    const why = await this.#follow(kind, scope, wanted, artifact);
    const before = this.#reports.get(kind);
    this.#reports.set(kind, { scope: key, serial: wanted.serial, ...(why ? { why } : {}) });
    if (before?.why?.code !== why?.code || before?.serial !== wanted.serial) this.#options.changed?.();
    if (why && later.has(why.code)) return;
    const next: Kept = { ...kept, done: { ...kept.done, [done]: wanted.serial } };
    await replaceDocument(this.#options.disk, documentName, next);
    this.#kept = next;
  }

  async #follow(
    kind: DesiredKind,
    scope: Scope,
    { by, serial }: Wanted,
    artifact: NonNullable<Wanted[DesiredKind]>,
  ): Promise<Reason | undefined> {
    const { gateway, install, configure, window: usual } = this.#options;
    const { version, url, sha256, allowDowngrade, percentage, notBefore, window = usual } = artifact;
    const rollout = artifact.rollout ?? version;
    if (!inRollout(gateway, rollout, percentage))
      return { code: "not-in-rollout", message: `not among the ${percentage} % of ${rollout}` };
    const name = createHash("sha256").update(url).update(sha256).digest("hex").slice(0, 32);
    const target: Target = {
      version,
      url,
      sha256,
      file: `${name}.${kind === "system" ? "raucb" : "cose"}`,
      allowDowngrade,
      by,
      rollout: `${rollout} (${serial})`,
      ...(notBefore === undefined ? {} : { notBefore }),
      ...(window === undefined ? {} : { window }),
    };
    try {
      if (kind === "system") await install(target);
      else if (configure) await configure(target, scope);
      else return { code: "no-configuration", message: "this gateway has no configuration file" };
      return undefined;
    } catch (error) {
      if (error instanceof LinkError || error instanceof TransientError)
        return { code: waiting, message: error.message };
      if (!(error instanceof RefusedError)) throw error;
      return { code: error.code, message: error.message };
    }
  }
}

function keyOf({ kind, name }: Scope): string {
  return `${kind}/${name}`;
}

function artifactsOf({ system, configuration }: Desired): Pick<Wanted, DesiredKind> {
  return {
    ...(system ? { system: keptOf(system) } : {}),
    ...(configuration ? { configuration: keptOf(configuration) } : {}),
  };
}

function keptOf({ sha256, notBefore, ...rest }: DesiredArtifact) {
  return {
    ...rest,
    sha256: Buffer.from(sha256).toString("hex"),
    ...(notBefore === undefined ? {} : { notBefore: notBefore * 1000 }),
  };
}

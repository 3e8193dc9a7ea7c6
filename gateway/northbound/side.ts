import { mergePacks, setBaseTime } from "../codec/senml.ts";
import type { Clock, Random } from "../model/clock.ts";
import { ConfigError, StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import { openMemoryOutbox } from "../outbox/memory-outbox.ts";
import type { Gap, Outbox } from "../outbox/outbox.ts";
import { openOutbox } from "../outbox/segment-outbox.ts";
import type { Disk } from "../store/disk.ts";
import { awayNorthbound } from "./away.ts";
import { type Forwarder, openForwarder } from "./forwarder.ts";
import type { DesiredIntake, IncomingCommand, Northbound, NorthboundKind } from "./northbound.ts";

export interface SideOptions {
  readonly name: string;
  readonly kind: NorthboundKind;
  readonly settings: unknown;
  readonly gateway: string;
  readonly run: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Rejects with StorageError when there is no such place. */
  openDisk(): Promise<Disk>;
  /** As OutboxOptions. */
  readonly segmentBytes?: number | undefined;
  readonly limits: {
    readonly maxBytes: number;
    readonly maxAge: number;
    readonly audiences: Readonly<Record<string, { readonly maxBytes: number; readonly maxAge: number }>>;
  };
  readonly lastWill: Uint8Array;
  farewell(): Uint8Array;
  onGap(gap: Gap): void | Promise<void>;
  /** As OutboxOptions. */
  gapsIn?(pack: Uint8Array, audience: string): readonly Gap[];
  /** Unix ms that an earlier boot counted from, if it is remembered. */
  bootTime(bootId: string): number | undefined;
  /** As NorthboundContext.onCommand. Absent: no commands are wanted. */
  readonly onCommand?: ((command: IncomingCommand) => Promise<void>) | undefined;
  readonly desired?: DesiredIntake | undefined;
  readonly signal: AbortSignal;
}

/** One far side with its own outbox: what one of them is missing is no business of another. */
export interface Side extends AsyncDisposable {
  readonly name: string;
  readonly outbox: Outbox;
  readonly northbound: Northbound;
  readonly forwarder: Forwarder;
  /** Resolves when nothing waits any more, the far side is away, or `ms` have passed. */
  drained(ms: number): Promise<void>;
  /** Why packs are in memory only, when the store could not be opened. */
  readonly storeProblem: StorageError | undefined;
  /** Why the far side is never connected. */
  readonly configProblem: ConfigError | undefined;
}

/** A live pack that has waited longer than this is backlog. */
const liveForMs = 60_000;
const drainPollMs = 20;

/**
 * Never rejects because something is wrong outside: a store that cannot be opened is replaced by memory,
 * a far side that cannot work as configured by one that is never connected. Both are said in the result.
 */
export async function openSide(options: SideOptions): Promise<Side> {
  const { clock, random, log, signal } = options;
  await using opened = new AsyncDisposableStack();
  const limits = {
    clock,
    random,
    log,
    limits: options.limits,
    liveFor: liveForMs,
    onGap: (gap: Gap) => options.onGap(gap),
  };
  let storeProblem: StorageError | undefined;
  let outbox: Outbox;
  try {
    outbox = await openOutbox(await options.openDisk(), {
      ...limits,
      segmentBytes: options.segmentBytes,
      gapsIn: (pack, audience) => options.gapsIn?.(pack, audience) ?? [],
    });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    log.error({ code: error.code, hint: error.hint }, `${error.message}: readings are held in memory only`);
    storeProblem = error;
    outbox = openMemoryOutbox(limits);
  }
  opened.use(outbox);
  const opening = options.kind.open(options.settings, {
    clock,
    random,
    log,
    signal,
    gateway: options.gateway,
    run: options.run,
    lastWill: options.lastWill,
    farewell: () => options.farewell(),
    onCommand: options.onCommand,
    desired: options.desired,
  });
  let configProblem: ConfigError | undefined;
  const northbound = opened.use(
    await opening.catch((error: unknown) => {
      if (!(error instanceof ConfigError)) throw error;
      configProblem = error;
      return awayNorthbound(error, options.name);
    }),
  );
  const forwarder = opened.use(
    openForwarder({
      outbox,
      northbound,
      clock,
      log,
      signal,
      setBaseTime,
      mergePacks,
      bootTime: options.bootTime,
    }),
  );
  forwarder.done.catch((error: unknown) => {
    log.error({ err: error }, "the forwarder broke: a bug; readings stay in the outbox");
  });
  const held = opened.move();
  return {
    name: options.name,
    outbox,
    northbound,
    forwarder,
    storeProblem,
    configProblem,
    async drained(ms) {
      const end = clock.monotonic() + ms;
      while (clock.monotonic() < end && outbox.status().packs > 0 && northbound.status().connected) {
        await clock.sleep(drainPollMs);
      }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

// A little long: with control.ts the only file that knows every room, and all it does is put them together and take them apart.
import { randomBytes } from "node:crypto";
import { type AuditLog, openAuditLog } from "./commands/audit-log.ts";
import type { AuditEntry } from "./commands/command-desk.ts";
import { FrameTaps } from "./commissioning/frames.ts";
import {
  type ConnectionConfig,
  type GatewayConfig,
  type NorthboundConfig,
  tellingDevices,
} from "./config/config.ts";
import { type ConfigChange, describeChange, diffConfig } from "./config/diff.ts";
import { Control } from "./control.ts";
import { Lending, type Loan } from "./lending.ts";
import type { ReloadResult } from "./local/surface.ts";
import type { Clock, Random } from "./model/clock.ts";
import type { Device } from "./model/device.ts";
import type { Diagnostic } from "./model/diagnostic.ts";
import { ConfigError, GatewayError, StorageError } from "./model/errors.ts";
import type { Log } from "./model/log.ts";
import type { Reading } from "./model/reading.ts";
import { unitOf } from "./model/units.ts";
import { version } from "./model/version.ts";
import type { DesiredIntake } from "./northbound/northbound.ts";
import { openSide, type Side } from "./northbound/side.ts";
import type { Gap, Mark, PackHead } from "./outbox/outbox.ts";
import { commonMarks } from "./outbox/recent-marks.ts";
import { driverMemory } from "./southbound/driver-memories.ts";
import { learnedPlans } from "./southbound/learned-plans.ts";
import { type ConnectionLoop, networkReopen, openLoop, serialReopen } from "./southbound/loop.ts";
import type { SouthboundContext } from "./southbound/protocol.ts";
import type { Disk } from "./store/disk.ts";
import { StoreRetry } from "./store-retry.ts";
import { encodeDescription } from "./telemetry/description.ts";
import { History } from "./telemetry/history.ts";
import { PackBuilder } from "./telemetry/pack-builder.ts";
import { Pipeline } from "./telemetry/pipeline.ts";
import { encodeOffline, encodeState, type GatewayState } from "./telemetry/state.ts";
import { toldGaps } from "./telemetry/told-gaps.ts";
import type { Connect } from "./transport/transport.ts";

/** Everything that can differ between two runs. */
export interface GatewayContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly connect: Connect;
  /** A folder of the store, made when it is not there. Rejects with StorageError. */
  openDisk(name: string): Promise<Disk>;
  /** Length of a segment file of the outbox, where 4 MiB would be too much. */
  readonly segmentBytes?: number | undefined;
  /** Random id of this start of the daemon. */
  readonly run?: string | undefined;
  /** Where the local history is kept, when one is wanted. */
  readonly historyFile?: string | undefined;
  /** Unix ms that an earlier boot of this machine counted from, if it is remembered. */
  bootTime?(bootId: string): number | undefined;
  /** Runs codec scripts that come with profiles; absent where none can run. */
  readonly sandbox?: SouthboundContext["sandbox"];
  /** Takes the time of a device that knows it (GNSS): Unix ms as of monotonic `at`, and who says so. */
  readonly timeSource?: ((unixMs: number, at: number, source: string) => void) | undefined;
  /** Takes what the city wants of this gateway, where it trusts somebody to say so. */
  readonly onDesired?: DesiredIntake["take"] | undefined;
  /** Applied at once, also by a reload. */
  setLogLevel?(level: GatewayConfig["log"]["level"]): void;
  /** Reads the configuration again, for reload. */
  reloadConfig?(): Promise<{
    config?: GatewayConfig | undefined;
    diagnostics: readonly Diagnostic[];
  }>;
}

/** How often the retained state is renewed, ms. */
const stateEveryMs = 30_000;

/** How long a stop waits for the last packs to leave. */
const drainMs = 1000;

/** How long it waits for last words of commands: a disk that hangs must not keep lines and far sides from their goodbye. */
const lastWordsMs = 500;

/** Starts everything that can start. Parts that cannot are in `quarantined`; nothing else is touched by them. */
export async function openGateway(config: GatewayConfig, context: GatewayContext): Promise<Gateway> {
  const gateway = new Gateway(config, context);
  try {
    await gateway.start();
  } catch (error) {
    await gateway[Symbol.asyncDispose]();
    throw error;
  }
  return gateway;
}

export class Gateway implements AsyncDisposable {
  readonly run: string;
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  readonly builder: PackBuilder;
  readonly control: Control;
  /** Undefined where none is kept. */
  readonly history: History | undefined;
  readonly loops = new Map<string, ConnectionLoop>();
  readonly #lending = new Lending({
    config: () => this.#config,
    loops: this.loops,
    inTurn: (work) => this.#inTurn(work),
    open: (connection) => this.#openLoop(connection),
  });
  readonly sides = new Map<string, Side>();
  /** Parts that did not start after the configuration was read, by `kind name`. */
  readonly problems = new Map<string, GatewayError>();
  /** What goes over the wires. */
  readonly frames: FrameTaps;
  readonly startedAt: number;
  readonly #context: GatewayContext;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  #config: GatewayConfig;
  /** What an earlier run stored in every outbox. */
  #marks: readonly Mark[] = [];
  readonly #facts = new Map<string, Uint8Array>();
  #stateTimer: Disposable | undefined;
  /** Settles when far sides that are being reopened are there again: a pack between two of them would be lost to both. */
  #sidesReady: Promise<unknown> = Promise.resolve();
  #changing: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;
  #auditLog: AuditLog | undefined;
  readonly #auditOpened = Promise.withResolvers<void>();
  readonly #storeRetry: StoreRetry;

  constructor(config: GatewayConfig, context: GatewayContext) {
    this.#config = config;
    this.#context = context;
    this.#log = context.log;
    this.clock = context.clock;
    this.frames = new FrameTaps(context.clock);
    this.startedAt = context.clock.monotonic();
    this.run = context.run ?? randomBytes(8).toString("hex");
    this.#signal = this.#closing.signal;
    const { maxAgeMs, maxReadings, maxBytes } = config.telemetry;
    this.builder = new PackBuilder({
      gateway: config.gateway.id,
      run: this.run,
      clock: context.clock,
      unitOf,
      maxAgeMs,
      maxReadings,
      maxBytes,
      append: (bytes, head) => this.#append(bytes, head),
    });
    this.history = historyOf(config, context);
    this.#storeRetry = new StoreRetry({
      clock: context.clock,
      log: context.log,
      isMissing: () => [...this.problems.keys()].some((key) => key.startsWith("store of ")),
      inTurn: (work) => this.#inTurn(work),
      attempt: () => this.#retryStores(),
    });
    this.pipeline = new Pipeline(context.clock, context.log, this.builder, (readings) =>
      this.history?.record(readings),
    );
    this.control = new Control({
      config: () => this.#config,
      clock: context.clock,
      random: context.random,
      log: context.log,
      run: this.run,
      openDisk: (name) => context.openDisk(name),
      field: {
        device: (id) => this.#config.devices.find((one) => one.id === id),
        latest: (device, point) => this.pipeline.latest.get(device, point),
        expectWrite: (device) => {
          const known = this.#config.devices.find(({ id }) => id === device);
          return known && this.loops.get(known.connection)?.expectWrite();
        },
        write: async (device, order, signal) => this.#loopOf(device).write(device, order, signal),
      },
      northbound: (name) => this.sides.get(name)?.northbound,
      audit: this,
    });
  }

  /** The audit log; undefined where its disk does not let it. */
  get auditLog(): AuditLog | undefined {
    return this.#auditLog;
  }

  /** For the audit log; what comes before it is open waits for it. */
  async record(entry: AuditEntry): Promise<void> {
    await this.#auditOpened.promise;
    await this.#auditLog?.record(entry);
  }

  get config(): GatewayConfig {
    return this.#config;
  }

  async start(): Promise<void> {
    await this.#openAudit();
    for (const side of this.#config.northbound.values()) await this.#openSide(side);
    this.#marks = commonMarks(Array.from(this.sides.values(), ({ outbox }) => outbox.recentMarks));
    this.builder.remember(this.#marks);
    for (const line of this.#config.connections.values()) await this.#openLoop(line);
    const problem = await this.control.open();
    if (problem) this.problems.set("store of commands", problem);
    this.#storeRetry.begin();
    for (const device of tellingDevices(this.#config)) this.#describe(device);
    this.#announce();
    void this.record({ what: "start", who: "gateway", detail: { run: this.run, version } });
    this.#log.info(
      { run: this.run, devices: this.#config.devices.length, connections: this.loops.size },
      "the gateway runs",
    );
  }

  /** Polls now. Rejects with ConfigError for an unknown device or point. */
  async readNow(device: string, points: readonly string[], signal: AbortSignal): Promise<Reading[]> {
    const loop = this.#loopOf(device);
    return loop.readNow(device, points.length === 0 ? undefined : points, signal);
  }

  #loopOf(device: string): ConnectionLoop {
    const known = this.#config.devices.find((one) => one.id === device);
    const loop = known && this.loops.get(known.connection);
    if (loop) return loop;
    throw new ConfigError(`no device ${device}`, {
      code: "unknown-device",
      hint: `there are ${this.#config.devices.map(({ id }) => id).join(", ")}`,
    });
  }

  async #openAudit(): Promise<void> {
    const { clock, openDisk } = this.#context;
    try {
      const disk = await openDisk("audit");
      const { maxBytes } = this.#config.auditLog;
      this.#auditLog = await openAuditLog({ disk, clock, log: this.#log, maxBytes });
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.problems.set("store of audit-log", error);
      this.#log.error({ code: error.code, hint: error.hint }, `there is no audit log: ${error.message}`);
    } finally {
      this.#auditOpened.resolve();
    }
  }

  /** One try to open the stores that could not be opened. */
  async #retryStores(): Promise<void> {
    const opened = (store: string): void => {
      this.problems.delete(store);
      this.#log.info({ store }, "the store could be opened now");
    };
    if (this.problems.has("store of audit-log")) {
      await this.#openAudit();
      if (this.#auditLog) opened("store of audit-log");
    }
    for (const { name, storeProblem, outbox } of Array.from(this.sides.values())) {
      // What waits in memory would not outlive the change: it leaves first.
      if (!storeProblem || outbox.status().packs > 0) continue;
      const only = {
        changedNorthbounds: [name],
        addedNorthbounds: [],
        removedNorthbounds: [],
        removedDevices: [],
      };
      const renewed = this.#applySides(only, this.#config);
      this.#sidesReady = renewed.catch(() => {});
      await renewed;
      if (!this.sides.get(name)?.storeProblem) opened(`store of ${name}`);
    }
    if (this.problems.has("store of commands")) {
      const problem = await this.control.open();
      if (problem) this.problems.set("store of commands", problem);
      else opened("store of commands");
    }
  }

  /** Applies a changed configuration device by device, or refuses it whole. One at a time. */
  reload(): Promise<ReloadResult> {
    return this.#inTurn(() => this.#reload());
  }

  /**
   * Takes the line of a connection for somebody who needs it alone, until the loan is disposed: then it is opened
   * again as gateway.yaml says by then. Meanwhile its devices are refused with TransientError `line-borrowed`.
   * Rejects with ConfigError `unknown-connection`, RefusedError `line-busy`, LinkError `closed`.
   * @param by who, for people
   */
  lend(connection: string, by: string): Promise<Loan> {
    return this.#lending.lend(connection, by);
  }

  /** As `lend`, while `use` runs. */
  async borrow<T>(connection: string, use: (loan: Loan) => Promise<T>, by = "a job"): Promise<T> {
    await using loan = await this.lend(connection, by);
    return await use(loan);
  }

  /** One at a time: what changes which lines there are. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#changing.then(work);
    this.#changing = next.catch(() => {});
    return next;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stateTimer?.[Symbol.dispose]();
    this.#auditOpened.resolve();
    await this.#storeRetry[Symbol.asyncDispose]();
    await using stack = new AsyncDisposableStack();
    stack.use(this.#auditLog);
    stack.use(this.history);
    // Disposed from the last to the first: lines, packs, forwarders, outboxes.
    // The far sides end by themselves: a signal would take from them the time to say goodbye.
    stack.defer(() => this.#closing.abort());
    for (const side of this.sides.values()) stack.use(side);
    // What was read last should not have to wait for the next start.
    stack.defer(() =>
      Promise.all(Array.from(this.sides.values(), (side) => side.drained(drainMs))).then(() => {}),
    );
    stack.use(this.builder);
    stack.use(this.pipeline);
    for (const loop of this.loops.values()) stack.use(loop);
    // While the lines are still there: who waits for our word of what is stored gets it before they go.
    stack.defer(() => this.builder.flush());
    stack.defer(() => this.#closeControl());
    this.#lending.close();
  }

  async #closeControl(): Promise<void> {
    const late = Promise.withResolvers<void>();
    using _deadline = this.clock.timer(lastWordsMs, () => {
      this.#log.error({}, "the disk does not take the last words of commands: the next start gives them");
      late.resolve();
    });
    await Promise.race([this.control[Symbol.asyncDispose](), late.promise]);
  }

  /** A pack goes to every far side's outbox; the least safe answer counts. */
  async #append(bytes: Uint8Array, head: PackHead): Promise<"disk" | "memory" | "dropped"> {
    await this.#sidesReady;
    const outcomes = await Promise.all(
      Array.from(this.sides.values(), (side) => side.outbox.append(bytes, head)),
    );
    if (outcomes.length === 0 || outcomes.includes("dropped")) return "dropped";
    return outcomes.includes("memory") ? "memory" : "disk";
  }

  async #openSide({ name, kind, settings }: NorthboundConfig): Promise<void> {
    const { clock, random, openDisk, segmentBytes } = this.#context;
    const { gateway, storage, audiences } = this.#config;
    const key = `northbound ${name}`;
    this.problems.delete(key);
    try {
      const side = await openSide({
        name,
        kind,
        settings,
        gateway: gateway.id,
        run: this.run,
        clock,
        random,
        log: this.#log.child({ northbound: name }),
        openDisk: () => openDisk(`outbox-${name}`),
        segmentBytes,
        limits: {
          maxBytes: storage.maxBytes,
          maxAge: storage.maxAgeMs,
          audiences: Object.fromEntries(
            Array.from(audiences.values(), (one) => [
              one.name,
              { maxBytes: one.maxBytes, maxAge: one.maxAgeMs },
            ]),
          ),
        },
        lastWill: encodeOffline(gateway.id, this.run, version),
        farewell: () =>
          encodeOffline(gateway.id, this.run, version, {
            time: clock.toUnix(clock.stamp()),
            lastSeqs: this.#lastSeqs(),
          }),
        onGap: (gap: Gap) => this.builder.gap(gap),
        gapsIn: toldGaps,
        bootTime: (bootId) => this.#context.bootTime?.(bootId),
        onCommand: (message) => this.control.receive(name, message),
        desired: this.#desired(),
        signal: this.#signal,
      });
      if (side.storeProblem) this.problems.set(`store of ${name}`, side.storeProblem);
      if (side.configProblem) this.#quarantine(key, side.configProblem);
      this.sides.set(name, side);
      for (const [topic, body] of this.#facts) side.northbound.announce(topic, body);
    } catch (error) {
      this.#quarantine(key, error);
    }
  }

  async #openLoop({ name, protocol, settings }: ConnectionConfig): Promise<void> {
    const { clock, random, connect, openDisk } = this.#context;
    const key = `connection ${name}`;
    this.problems.delete(key);
    if (this.#lending.standIn(name)) return;
    try {
      const loop = await openLoop({
        connection: name,
        protocol,
        settings,
        devices: this.#config.devices.filter((device) => device.connection === name),
        context: {
          clock,
          random,
          connect: this.frames.tap(name, connect),
          log: this.#log,
          signal: this.#signal,
          timeSource: this.#context.timeSource,
          sandbox: this.#context.sandbox,
          names: { gateway: this.#config.gateway.id, connection: name },
          marks: this.#marks.map(({ mark }) => mark),
          memory: driverMemory(() => openDisk("plans"), name),
        },
        sink: (_device, readings, mark) => {
          const kept = this.pipeline.take(readings, mark);
          // A server that waits for our word is told when they are durable; a poll never waits for a pack.
          if (protocol.everyWord) return kept;
          kept.catch(() => {});
        },
        learnedStore: learnedPlans(() => openDisk("plans")),
        commandShare: this.#config.commands.share,
        reopen: protocol.isLocal?.(settings) ? serialReopen : networkReopen,
      });
      this.loops.set(name, loop);
    } catch (error) {
      this.#quarantine(key, error);
    }
  }

  /** One part that cannot start is said and left out; everything else goes on. */
  #quarantine(key: string, error: unknown): void {
    if (!(error instanceof GatewayError)) throw error;
    this.problems.set(key, error);
    this.#log.error({ code: error.code, hint: error.hint }, `${key} does not start: ${error.message}`);
  }

  #announce(): void {
    if (this.#signal.aborted) return;
    this.#tellState();
    this.#stateTimer = this.clock.timer(stateEveryMs, () => this.#announce());
  }

  /** Tells every far side what a device offers. */
  #describe(device: Device): void {
    for (const { northbound } of this.sides.values()) {
      northbound.announce(`description/${device.id}`, encodeDescription(device, unitOf, northbound.topics));
    }
  }

  /** Tells every far side a retained fact of its own, `state/update`, and again when one is opened anew. */
  tell(topic: string, body: Uint8Array): void {
    this.#facts.set(topic, body);
    for (const { northbound } of this.sides.values()) northbound.announce(topic, body);
  }

  #desired(): DesiredIntake | undefined {
    const { trust, groups } = this.#config.updates;
    const take = this.#context.onDesired;
    return take && trust.size > 0 ? { groups, take } : undefined;
  }

  #tellState(): void {
    for (const side of this.sides.values()) side.northbound.announce("state", encodeState(this.#state(side)));
  }

  #state(side: Side): GatewayState {
    return {
      gateway: this.#config.gateway.id,
      run: this.run,
      version,
      time: this.clock.toUnix(this.clock.stamp()),
      clockTrusted: this.clock.trusted,
      outbox: side.outbox.status(),
      devices: Array.from(this.loops.values()).flatMap((loop) =>
        loop.status().devices.map(({ device, availability, problem }) => ({
          id: device,
          available: availability === "unknown" ? undefined : availability === "available",
          why: problem,
        })),
      ),
      lastSeqs: this.#lastSeqs(),
      previousRuns: side.outbox.previousRuns,
      audit: this.#auditLog?.status().head,
    };
  }

  /** Not what was given: a pack that is not stored yet may go with a crash, and nobody can be missing it. */
  #lastSeqs(): GatewayState["lastSeqs"] {
    return this.builder
      .accounting()
      .map(({ audience, settledSeq }) => ({ audience, lastSeq: settledSeq }))
      .filter(({ lastSeq }) => lastSeq > 0);
  }

  async #reload(): Promise<ReloadResult> {
    const read = await this.#context.reloadConfig?.();
    const diagnostics = read?.diagnostics ?? [];
    const refuse = (...changes: string[]): ReloadResult => ({ applied: false, changes, diagnostics });
    if (!read) return refuse("this gateway has no file to read again");
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    if (!read.config || errors.length > 0) {
      return refuse(
        ...errors.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`),
      );
    }
    const change = diffConfig(this.#config, read.config);
    if (change.restartNeeded.length > 0) {
      return refuse(`needs a restart: ${change.restartNeeded.join(", ")}`);
    }
    this.#config = read.config;
    // Before anything is waited for: what the new profile prepares must not be written to the old device.
    for (const id of [...change.removedDevices, ...change.changedDevices]) {
      for (const loop of this.loops.values()) loop.removeDevice(id);
      this.pipeline.forget(id);
    }
    await this.#apply(change, read.config);
    if (change.schedulesChanged || change.changedDevices.length + change.removedDevices.length > 0)
      await this.control.renewSchedules();
    if (change.logChanged) this.#context.setLogLevel?.(read.config.log.level);
    const changes = describeChange(change, read.config);
    this.#log.info({ changes }, "the configuration was applied");
    return { applied: true, changes, diagnostics };
  }

  async #applySides(
    change: Pick<
      ConfigChange,
      "addedNorthbounds" | "changedNorthbounds" | "removedDevices" | "removedNorthbounds"
    >,
    config: GatewayConfig,
  ): Promise<void> {
    for (const name of [...change.removedNorthbounds, ...change.changedNorthbounds]) {
      await this.sides.get(name)?.[Symbol.asyncDispose]();
      this.sides.delete(name);
      this.problems.delete(`northbound ${name}`);
      this.problems.delete(`store of ${name}`);
    }
    for (const name of [...change.addedNorthbounds, ...change.changedNorthbounds]) {
      await this.#openSide(config.northbound.get(name)!);
    }
    // A far side that is new has heard of no device.
    const newSides = change.addedNorthbounds.length + change.changedNorthbounds.length > 0;
    for (const device of newSides ? tellingDevices(config) : []) this.#describe(device);
    for (const id of change.removedDevices) {
      for (const { northbound } of this.sides.values())
        northbound.announce(`description/${id}`, new Uint8Array());
    }
    if (newSides) this.#tellState();
  }

  async #apply(change: ConfigChange, config: GatewayConfig): Promise<void> {
    const sides = this.#applySides(change, config);
    this.#sidesReady = sides.catch(() => {});
    await sides;
    for (const name of [...change.removedConnections, ...change.changedConnections]) {
      await this.loops.get(name)?.[Symbol.asyncDispose]();
      this.loops.delete(name);
      this.problems.delete(`connection ${name}`);
    }
    for (const name of change.removedConnections) this.frames.forget(name);
    const fresh = [...change.addedConnections, ...change.changedConnections];
    for (const name of fresh) await this.#openLoop(config.connections.get(name)!);
    for (const id of [...change.addedDevices, ...change.changedDevices]) {
      const device = config.devices.find((one) => one.id === id) as Device;
      this.#describe(device);
      if (!fresh.includes(device.connection)) await this.loops.get(device.connection)?.setDevice(device);
    }
  }
}

function historyOf(config: GatewayConfig, { clock, log, historyFile }: GatewayContext): History | undefined {
  const { history, audiences } = config;
  if (!history || historyFile === undefined) return undefined;
  return new History({
    ...history,
    clock,
    log,
    file: historyFile,
    audienceMaxAgeMs: (name) => audiences.get(name)?.maxAgeMs,
  });
}

// Longer than most: what becomes of each kind of event, in one place. What can be decided without
// waiting lives in the bridges, results, frame counts and downlinks.
import type { Instant } from "../../model/clock.ts";
import { ConfigError, GatewayError, LinkError, RefusedError, TransientError } from "../../model/errors.ts";
import { brokerAddress } from "../../transport/mqtt/settings.ts";
import type {
  Driver,
  DriverWrite,
  PendingWrite,
  PointResult,
  SouthboundContext,
  UnknownDevice,
} from "../protocol.ts";
import type { Bridge, BridgeEvent, Downlink, DownlinkNews, Message, Sender, Uplink } from "./bridge.ts";
import { chirpstackBridge } from "./chirpstack.ts";
import { type DecodedUplink, decodeUplink } from "./decode.ts";
import type { DownlinkHandle, DownlinkWord } from "./downlinks.ts";
import { Gate } from "./gate.ts";
import { eventMark, uplinkMark } from "./marks.ts";
import { type DeviceMemory, type Memory, memoryOf } from "./memory.ts";
import { pendingWrite, waits } from "./pending-write.ts";
import { receptionTime } from "./reception-time.ts";
import { gapResults, type LoraUnit, statusResults, uplinkResults } from "./results.ts";
import { Scripts } from "./scripts.ts";
import { openServerSession, type ServerSession } from "./session.ts";
import type { LoraAddress, LoraConnection, LoraDevice, LoraHead } from "./settings.ts";
import { theThingsStackBridge } from "./the-things-stack.ts";
import { encodeDownlink } from "./write.ts";

/** What a device is to be told. */
export interface DownlinkRequest {
  /** 1 to 223. */
  readonly fPort: number;
  /** At most 242 bytes. */
  readonly data: Uint8Array;
  readonly confirmed: boolean;
  /** Unix ms after which it is not to be sent. */
  readonly expiresAt?: number | undefined;
}

export interface LoraDriver extends Driver<LoraAddress, LoraDevice, LoraHead> {
  /**
   * Puts a downlink into the server's queue. Resolves when the server's broker has it; the handle tells
   * what becomes of it, over reconnects too. Rejects with ConfigError (no such port, too long, it is not
   * known where to send it), RefusedError (expired) or LinkError (nobody knows whether it arrived).
   */
  downlink(device: LoraUnit, request: DownlinkRequest): Promise<DownlinkHandle>;
  /** Takes back what is queued for a device. Rejects with RefusedError where the server cannot, or LinkError. */
  flush(device: LoraUnit): Promise<void>;
}

/** Emits that may be on their way: fewer than the loop takes before it drops. */
const mostEmits = 48;
/** Longest payload of a downlink in any region (RP002). */
const longestDownlink = 242;
/** How long the server's own word about an expired downlink is waited for, ms. */
const expiryGraceMs = 60_000;

/** Connects to the server's broker and hears the application. Rejects with LinkError or ConfigError. */
export async function openLorawan(
  connection: LoraConnection,
  context: SouthboundContext,
): Promise<LoraDriver> {
  const { broker, server, application, tenant, format } = connection;
  const address = brokerAddress(broker.url);
  if (!address) throw new ConfigError(`${broker.url} is no broker's address`, { code: "bad-url" });
  const bridge =
    server === "chirpstack"
      ? chirpstackBridge(application, format)
      : theThingsStackBridge(application, tenant);
  const { names } = context;
  const line = new LoraLine(connection, bridge, context, await memoryOf(connection, context));
  const session = await openServerSession(
    {
      broker,
      address,
      clientId:
        broker.clientId ?? (names ? `stadsnod-${names.gateway}-${names.connection}` : "stadsnod-lorawan"),
      subscribe: bridge.subscribe,
      take: (message, qos) => line.take(message, qos),
    },
    context,
    context.signal,
  );
  line.attach(session);
  return line;
}

class LoraLine implements LoraDriver {
  readonly concurrency = 1;
  readonly #connection: LoraConnection;
  readonly #bridge: Bridge;
  readonly #context: SouthboundContext;
  readonly #memory: Memory;
  readonly #scripts: Scripts;
  readonly #gate = new Gate(mostEmits);
  /** Resolves when it is known who is configured; before that nobody is unknown. */
  readonly #told = Promise.withResolvers<void>();
  readonly #counters: Record<string, number> = {};
  #session: ServerSession | undefined;
  #byEui = new Map<string, LoraUnit>();
  #byId = new Map<string, LoraUnit>();
  #expiry: Disposable | undefined;

  constructor(connection: LoraConnection, bridge: Bridge, context: SouthboundContext, memory: Memory) {
    this.#connection = connection;
    this.#bridge = bridge;
    this.#context = context;
    this.#memory = memory;
    this.#scripts = new Scripts(context.sandbox);
  }

  attach(session: ServerSession): void {
    this.#session = session;
    this.#memory.line = this;
    this.#armExpiry();
  }

  get lost(): AbortSignal {
    return this.#live.lost;
  }

  get statistics(): Readonly<Record<string, number>> {
    const { unknown, downlinks } = this.#memory;
    return { ...this.#counters, "unknown-devices": unknown.size, "open-downlinks": downlinks.size };
  }

  listen(devices: readonly LoraUnit[]): void {
    this.#byEui = new Map(devices.map((device) => [device.settings.devEui, device]));
    this.#byId = new Map(
      devices.flatMap((device) =>
        device.settings.deviceId === undefined ? [] : [[device.settings.deviceId, device]],
      ),
    );
    this.#memory.keep(new Set(devices.map(({ id }) => id)));
    for (const { settings } of devices) this.#memory.unknown.forget(settings);
    this.#told.resolve();
  }

  unknown(): readonly UnknownDevice[] {
    return this.#memory.unknown.list();
  }

  /** Resolves when all that the message says is kept; rejects when it is not. */
  async take({ topic, payload }: Message, qos: 0 | 1 | 2): Promise<void> {
    await this.#told.promise;
    let events: readonly BridgeEvent[];
    try {
      events = this.#bridge.parse(topic, payload);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      // It will not be understood the next time either.
      if (this.#count("bad-events") === 1)
        this.#context.log.warn(
          { topic, code: error.code, error: error.message },
          "an event is not understood",
        );
      return;
    }
    await Promise.all(events.map((event) => this.#event(event, qos)));
  }

  #event(event: BridgeEvent, qos: 0 | 1 | 2): Promise<void> | void {
    switch (event.kind) {
      case "uplink":
        return this.#uplink(event.uplink, qos);
      case "status":
        return this.#status(event);
      case "join":
        return this.#join(event);
      case "queued":
        return this.#word(event.news, { kind: "queued" });
      case "sent":
        return this.#word(event.news, { kind: "sent" });
      case "ack":
        return this.#word(event.news, { kind: "ack", acknowledged: event.acknowledged });
      case "failed":
        return this.#word(event.news, { kind: "failed", reason: `${event.code}: ${event.text}` });
      case "log":
        return this.#log(event);
      default:
        this.#count(event.what);
    }
  }

  #uplink(uplink: Uplink, qos: 0 | 1 | 2): Promise<void> | void {
    const { at, ms } = receptionTime(uplink.time, this.#context.clock);
    const device = this.#deviceOf(uplink);
    if (!device) {
      this.#count("uplinks-of-unknown-devices");
      this.#memory.unknown.heard(uplink, at);
      return;
    }
    if (qos === 0 && this.#bridge.subscribe[0]?.qos === 1 && this.#count("qos-0") === 1)
      this.#context.log.warn(
        { hint: "set qos=1 under [integration.mqtt] in ChirpStack's configuration" },
        "the network server publishes with QoS 0: uplinks are lost while the gateway is away",
      );
    const mark = uplinkMark(device.id, uplink);
    const before = this.#memory.seen.get(mark);
    if (before !== undefined) {
      this.#count("duplicates");
      return before;
    }
    const memory = this.#memory.device(device.id);
    memory.sender = senderOf(uplink);
    if (this.#memory.stored.has(mark)) {
      // All of it, or what one audience has: the rest of it is still to come.
      this.#count("redelivered");
    } else if (this.#memory.counted.get(mark) === undefined) {
      this.#memory.counted.set(mark, Promise.resolve());
      this.#count("uplinks");
      const { lost, kind } = memory.counts.count(uplink.fCnt);
      memory.owedGap += lost;
      if (kind !== "next") this.#count(kind === "late" ? "reordered" : "counter-resets");
    }
    const work = this.#deliver(device, memory, uplink, at, ms, mark);
    this.#memory.seen.set(mark, work);
    return work;
  }

  async #deliver(
    device: LoraUnit,
    memory: DeviceMemory,
    uplink: Uplink,
    at: Instant,
    ms: number,
    mark: string,
  ): Promise<void> {
    const lost = memory.owedGap;
    memory.owedGap = 0;
    try {
      const head = device.profile.protocolSettings;
      const decoded = await decodeUplink(head, uplink, ms, await this.#scripts.of(head));
      this.#note(device, memory, decoded);
      const { moments, untimed } = uplinkResults(device, uplink, decoded, at, ms);
      if (untimed > 0) this.#count("records-without-time", untimed);
      if (lost > 0) this.#count("lost-uplinks", lost);
      const gap = lost > 0 ? [gapResults(device, lost, at)] : [];
      await this.#emit(device, [...gap, ...moments].flat(), mark);
      this.#memory.kept.stored(device.id, uplink.fCnt);
    } catch (error) {
      memory.owedGap += lost;
      throw error;
    }
  }

  /** Counts what was not as it should be; one line in the log when it changes. */
  #note(device: LoraUnit, memory: DeviceMemory, decoded: DecodedUplink): void {
    let noted: string | undefined;
    if (decoded.kind === "encrypted") {
      this.#count("encrypted");
      noted = "its payload is encrypted with a key that neither the network server nor the gateway has";
    } else if (decoded.kind === "undecoded") {
      this.#count("undecoded");
      noted = `its payload is not decoded and kept as raw_payload: ${decoded.reasons.join("; ") || "nothing decodes it"}`;
    } else if (decoded.kind === "decoded") {
      if (decoded.warnings.length > 0) this.#count("decoder-warnings", decoded.warnings.length);
      if (decoded.by === "server") {
        this.#count("server-decoded");
        noted = "its values are those that the network server decoded";
      }
    }
    if (noted !== undefined && noted !== memory.noted)
      this.#context.log.warn({ device: device.id, profile: device.profile.id }, noted);
    // An empty payload says nothing about the decoder.
    if (decoded.kind !== "empty") memory.noted = noted;
  }

  #status(event: Extract<BridgeEvent, { kind: "status" }>): Promise<void> | void {
    const device = this.#deviceOf(event.sender);
    if (!device) return;
    const mark = eventMark(device.id, "status", event.time);
    const before = this.#memory.seen.get(mark);
    if (before !== undefined) return before;
    this.#count("device-statuses");
    const { at } = receptionTime(event.time, this.#context.clock);
    const work = this.#emit(device, statusResults(device, event, at), mark);
    this.#memory.seen.set(mark, work);
    return work;
  }

  #join({ sender, time }: Extract<BridgeEvent, { kind: "join" }>): void {
    const device = this.#deviceOf(sender);
    if (!device) return;
    const mark = eventMark(device.id, "join", time);
    if (this.#memory.seen.get(mark) !== undefined) return;
    this.#memory.seen.set(mark, Promise.resolve());
    this.#count("joins");
    const memory = this.#memory.device(device.id);
    memory.sender = { ...memory.sender, ...senderOf(sender) };
    memory.owedGap += memory.counts.restart();
    this.#memory.kept.restart(device.id);
    this.#context.log.info({ device: device.id }, "the device joined the network");
  }

  #log({ sender, level, code, text, id }: Extract<BridgeEvent, { kind: "log" }>): void {
    this.#count(`log-${level}`);
    if (code === "EXPIRED") this.#word({ ...sender, id }, { kind: "expired", reason: text });
    else if (id !== undefined && deadlyCodes.has(code))
      this.#word({ ...sender, id }, { kind: "failed", reason: `${code}: ${text}` });
    const device = this.#deviceOf(sender);
    const memory = device && this.#memory.device(device.id);
    if (!memory || memory.logged === code) return;
    memory.logged = code;
    this.#context.log.warn({ device: device.id, level, code, text }, "the network server says");
  }

  #word({ id }: DownlinkNews, word: DownlinkWord): void {
    if (this.#memory.downlinks.hear(id, word)) this.#count(`downlinks-${word.kind}`);
    this.#armExpiry();
  }

  async downlink(device: LoraUnit, request: DownlinkRequest): Promise<DownlinkHandle> {
    const { clock, random } = this.#context;
    const { fPort, data, expiresAt } = request;
    if (!Number.isInteger(fPort) || fPort < 1 || fPort > 223)
      throw new ConfigError(`a downlink has a port from 1 to 223, not ${fPort}`, { code: "bad-port" });
    if (data.length > longestDownlink)
      throw new ConfigError(`${data.length} bytes are more than a downlink has`, { code: "too-long" });
    if (expiresAt !== undefined && expiresAt <= clock.now())
      throw new RefusedError("the downlink has expired", { code: "expired" });
    const downlink: Downlink = { id: uuid(random), ...request };
    const message = this.#bridge.downlink(this.#address(device), downlink);
    // The server may answer before its broker has acknowledged.
    const { downlinks } = this.#memory;
    const handle = downlinks.add(device.id, downlink, !this.#bridge.expires);
    try {
      await this.#live.publish(message, this.#qos);
    } catch (error) {
      downlinks.forget(downlink.id);
      throw error;
    }
    this.#count("downlinks");
    this.#armExpiry();
    return handle;
  }

  async write(
    device: LoraUnit,
    { address, raw, expiresAt }: DriverWrite<LoraAddress>,
    signal: AbortSignal,
  ): Promise<PendingWrite> {
    if (!("set" in address))
      throw new ConfigError("a place in an uplink cannot be written", { code: "read-only" });
    const script = await this.#scripts.of(device.profile.protocolSettings);
    const { data, fPort } = await encodeDownlink(device, address, raw, script);
    signal.throwIfAborted();
    const handle = await this.downlink(device, { fPort, data, confirmed: address.confirmed, expiresAt });
    return pendingWrite(handle, async () => {
      if (!waits(handle.state))
        throw new RefusedError(`it is ${handle.state.stage}: nothing can be taken back`, {
          code: "cannot-flush",
        });
      const { line } = this.#memory;
      if (!line) throw new LinkError("the network server's broker is away", { code: "closed" });
      await line.takeBack(device, handle.id);
    });
  }

  /** Only this one; the others keep their places. */
  async takeBack(device: LoraUnit, id: string): Promise<void> {
    const { downlinks } = this.#memory;
    const left = downlinks.queued(device.id).filter((one) => one.id !== id);
    await this.#replaceQueue(device, left);
    downlinks.hear(id, { kind: "taken-back", reason: "it was taken back" });
    this.#armExpiry();
  }

  async flush(device: LoraUnit): Promise<void> {
    const { downlinks } = this.#memory;
    const queued = downlinks.queued(device.id);
    await this.#replaceQueue(device, []);
    for (const { id } of queued) downlinks.hear(id, { kind: "taken-back", reason: "it was taken back" });
    this.#armExpiry();
  }

  async #replaceQueue(device: LoraUnit, downlinks: readonly Downlink[]): Promise<void> {
    const message = this.#bridge.replaceQueue?.(this.#address(device), downlinks);
    if (!message)
      throw new RefusedError("this network server takes nothing back over MQTT", {
        code: "cannot-flush",
        hint: "flush the device's queue in ChirpStack; give downlinks an expiry",
      });
    await this.#live.publish(message, this.#qos);
  }

  /** Where its downlinks go: configured, or learned from what it said. */
  #address({ id, settings }: LoraUnit): Sender {
    const { sender } = this.#memory.device(id);
    return {
      devEui: settings.devEui,
      deviceId: settings.deviceId ?? sender?.deviceId,
      application: sender?.application,
    };
  }

  get #qos(): 0 | 1 {
    return this.#connection.server === "chirpstack" ? 1 : 0;
  }

  get #live(): ServerSession {
    const session = this.#session;
    if (!session) throw new TypeError("the driver has no session yet");
    return session;
  }

  #armExpiry(): void {
    this.#expiry?.[Symbol.dispose]();
    this.#expiry = undefined;
    const next = this.#memory.downlinks.nextExpiry();
    if (next === undefined || !this.#session || this.#session.lost.aborted) return;
    const { clock } = this.#context;
    const ms = next + this.#grace - clock.now();
    // A timer holds no more than 24 days.
    this.#expiry = clock.timer(Math.min(Math.max(1, ms), 86_400_000), () => {
      void this.#expire();
    });
  }

  /** A server that drops what has expired says so itself; from the queue of another it is taken. */
  get #grace(): number {
    return this.#bridge.expires ? expiryGraceMs : 0;
  }

  async #expire(): Promise<void> {
    const { downlinks } = this.#memory;
    const expired = downlinks.expire(this.#context.clock.now() - this.#grace);
    this.#armExpiry();
    for (const device of this.#byEui.values()) {
      if (!expired.has(device.id)) continue;
      try {
        const message = this.#bridge.replaceQueue?.(this.#address(device), downlinks.queued(device.id));
        if (message) await this.#live.publish(message, this.#qos);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        this.#context.log.warn(
          { device: device.id, code: error.code },
          "an expired downlink could not be taken from the queue: it may still be sent",
        );
      }
    }
  }

  #deviceOf({ devEui, deviceId }: Sender): LoraUnit | undefined {
    return this.#byEui.get(devEui) ?? (deviceId === undefined ? undefined : this.#byId.get(deviceId));
  }

  #emit(device: LoraUnit, results: readonly PointResult<LoraAddress>[], mark: string): Promise<void> {
    return this.#gate.run(() => this.#context.emit(device, results, mark));
  }

  #count(what: string, by = 1): number {
    const count = (this.#counters[what] ?? 0) + by;
    this.#counters[what] = count;
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#expiry?.[Symbol.dispose]();
    this.#expiry = undefined;
    if (this.#memory.line === this) this.#memory.line = undefined;
    await this.#session?.[Symbol.asyncDispose]();
    await this.#memory.kept.flush();
    await this.#scripts[Symbol.asyncDispose]();
  }
}

/** Of the server's log: the downlink that they name will not be sent. */
const deadlyCodes: ReadonlySet<string> = new Set(["DOWNLINK_PAYLOAD_SIZE", "DOWNLINK_CODEC", "F_CNT_DOWN"]);

function senderOf({ devEui, deviceId, application, name }: Sender): Sender {
  return { devEui, deviceId, application, name };
}

/** Version 4, RFC 9562 section 5.4. */
function uuid(random: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16));
  digits[12] = 4;
  digits[16] = 8 + ((digits[16] ?? 0) % 4);
  const hex = digits.map((digit) => digit.toString(16)).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

import { chance, hexDigits, uuid } from "./chance.ts";
import { DownlinkQueue, type QueueItem, type QueuePolicy } from "./downlink-queue.ts";
import type { EndDeviceSettings, Frame } from "./end-device.ts";
import type { EndDevice, Listener, NetworkEvent, NetworkOptions, UplinkRecord } from "./events.ts";
import {
  airtimeMs,
  dataRates,
  type RadioGateway,
  type RadioPath,
  type Reception,
  receive,
  rx2,
  settle,
  uplinkFrequencies,
} from "./radio.ts";

/** The network server's application side, while it runs. */
export interface Server {
  readonly listener: Listener;
  readonly policy: QueuePolicy;
}

/** What a device sees of its network. */
export interface Surroundings {
  readonly options: NetworkOptions;
  readonly seed: number;
  readonly now: () => number;
  readonly gateways: readonly RadioGateway[];
  readonly uplinks: UplinkRecord[];
  readonly server: Server | undefined;
  later(ms: number, callback: () => void): void;
}

/** A device and what the network knows of it: both ends of its session. */
export class SessionDevice implements EndDevice {
  readonly settings: EndDeviceSettings;
  readonly queue: DownlinkQueue;
  readonly received: (Frame & { readonly time: number })[] = [];
  readonly #network: Surroundings;
  readonly #random: () => number;
  readonly #own: () => number;
  readonly #path: RadioPath;
  devAddr = "";
  session = 0;
  fCnt = 0;
  #joining = true;
  /** Joined, and the server's applications do not know yet. */
  #tellJoin = false;
  #fCntDown = 0;
  /** The last counter that the server took. */
  #known = -1;
  #heard = 0;
  #owesAck = false;
  #uplinksToLose = 0;
  #downlinksToLose = 0;
  #lastReception: Reception | undefined;
  #classCWaits = false;

  constructor(network: Surroundings, settings: EndDeviceSettings) {
    this.settings = settings;
    this.#network = network;
    this.queue = new DownlinkQueue(network.options.queueLimit ?? 32);
    this.#random = chance(network.seed, `air ${settings.devEui}`);
    this.#own = chance(network.seed, `device ${settings.devEui}`);
    this.#path = settle(network.gateways, this.#random);
  }

  get dataRate(): number {
    return this.#path.dataRate;
  }

  start(): void {
    const { everyMs } = this.settings;
    if (everyMs === undefined) return;
    const again = () => {
      this.send();
      this.#network.later(everyMs * (0.98 + this.#random() * 0.04), again);
    };
    this.#network.later(everyMs * this.#random(), again);
  }

  rejoin(): void {
    this.#joining = true;
  }

  resetCounter(): void {
    this.fCnt = 0;
  }

  loseUplinks(count: number): void {
    this.#uplinksToLose += count;
  }

  loseDownlinks(count: number): void {
    this.#downlinksToLose += count;
  }

  send(): UplinkRecord {
    const { options, server, now } = this.#network;
    const joined = this.#joining;
    if (joined) this.#join();
    const time = now();
    const frame = this.settings.payload({ time, fCnt: this.fCnt, random: this.#own });
    const record: UplinkRecord = {
      devEui: this.settings.devEui,
      session: this.session,
      fCnt: this.fCnt++,
      fPort: frame?.fPort ?? 0,
      payload: Buffer.from(frame?.bytes ?? []).toString("hex"),
      time,
      deduplicationId: uuid(this.#random),
      heard: false,
      copies: 0,
      acknowledged: 0,
    };
    this.#network.uplinks.push(record);
    const acknowledges = this.#owesAck;
    this.#owesAck = false;
    const lost = this.#uplinksToLose > 0 || this.#random() < (options.uplinkLoss ?? 0);
    if (this.#uplinksToLose > 0) this.#uplinksToLose--;
    // Server away: nobody takes the frame. The join request itself is never lost here.
    if (lost || !server) return record;
    const channel = Math.floor(this.#random() * uplinkFrequencies.length);
    const receptions = receive(this.#network.gateways, this.#path, channel, this.#random);
    this.#network.later(options.deduplicationMs ?? 200, () =>
      this.#take(record, frame, receptions, uplinkFrequencies[channel] ?? 0, acknowledges),
    );
    return record;
  }

  #join(): void {
    this.#joining = false;
    this.session++;
    this.devAddr = `01${hexDigits(this.#random, 6)}`;
    this.fCnt = 0;
    this.#fCntDown = 0;
    // Counters that were given to waiting downlinks are those of the old session.
    for (const item of this.queue.items) if (item.fCntDown !== undefined) item.fCntDown = this.#fCntDown++;
    this.#known = -1;
    this.#owesAck = false;
    this.#tellJoin = true;
  }

  /** The server has the frame from all gateways. */
  #take(
    record: UplinkRecord,
    frame: Frame | undefined,
    receptions: readonly Reception[],
    frequency: number,
    acknowledges: boolean,
  ): void {
    const { server } = this.#network;
    const [best] = receptions;
    if (!server || !best) return;
    const { time, deduplicationId: id } = record;
    // It joined again meanwhile: the server has no key for the frame any more.
    if (record.session !== this.session) return;
    if (record.fCnt <= this.#known) {
      server.listener({ kind: "counter-reset", device: this, time, id });
      return;
    }
    this.#known = record.fCnt;
    this.#lastReception = best;
    record.heard = true;
    const tell = (event: NetworkEvent) => server.listener(event);
    if (this.#tellJoin) tell({ kind: "join", device: this, time, id: uuid(this.#random) });
    this.#tellJoin = false;
    const { dataRate } = this.#path;
    tell({ kind: "up", device: this, record, frame, receptions, frequency, dataRate });
    this.#settlePending(server, acknowledges, time);
    this.#heard++;
    // The request goes with a downlink, so the answer is in the next uplink: never in the first.
    if (this.#heard % (this.#network.options.statusEvery ?? 24) === 2) this.#status(server, best, time);
    if (this.settings.class === "C") this.#classC();
    else this.#classA(server, best, frequency);
  }

  #status(server: Server, best: Reception, time: number): void {
    const { supply = "unavailable" } = this.settings;
    const floor = dataRates[this.#path.dataRate]?.floor ?? 0;
    server.listener({
      kind: "status",
      device: this,
      time,
      id: uuid(this.#random),
      margin: Math.max(-32, Math.min(31, Math.round(best.snr - floor))),
      supply: typeof supply === "function" ? supply(time) : supply,
    });
  }

  #settlePending(server: Server, acknowledged: boolean, time: number): void {
    const { pending: item } = this.queue;
    if (!item) return;
    const waits = this.settings.class === "C" && server.policy.classCTimeoutMs !== undefined;
    if (!acknowledged && waits) return;
    this.queue.pending = undefined;
    server.listener({ kind: "ack", device: this, item, time, acknowledged });
    if (acknowledged || !server.policy.resends) return;
    item.fCntDown = server.policy.countsAtQueue ? this.#fCntDown++ : undefined;
    this.queue.again(item);
  }

  enqueue(item: QueueItem): void {
    if (this.queue.full) throw new Error(`the queue of ${this.settings.devEui} is full`);
    const { server, now } = this.#network;
    if (server?.policy.countsAtQueue) item.fCntDown = this.#fCntDown++;
    this.queue.push(item);
    server?.listener({ kind: "queued", device: this, item, time: now() });
    if (this.settings.class === "C") this.#classC();
  }

  /** The receive windows after an uplink: one downlink at most. */
  #classA(server: Server, best: Reception, frequency: number): void {
    const first = this.#random() >= 0.1;
    const dataRate = first ? this.#path.dataRate : rx2.dataRate;
    const item = this.#next(server, this.#path.dataRate);
    if (!item) return;
    // What does not fit the slow second window waits for a first one.
    const window = first || item.bytes.length > (dataRates[dataRate]?.maxPayload ?? 0) ? "rx1" : "rx2";
    const { rx1DelayMs = 1000 } = this.#network.options;
    this.#transmit(server, item, best, {
      window,
      frequency: window === "rx1" ? frequency : rx2.frequency,
      dataRate: window === "rx1" ? this.#path.dataRate : rx2.dataRate,
      inMs: window === "rx1" ? rx1DelayMs : rx1DelayMs + 1000,
    });
  }

  /** A class C device listens all the time: its whole queue leaves, one after the other. */
  #classC(): void {
    if (this.#classCWaits) return;
    this.#classCWaits = true;
    this.#network.later(this.#network.options.classCDelayMs ?? 500, () => {
      this.#classCWaits = false;
      const { server } = this.#network;
      // Before it was heard once, nobody knows which gateway reaches it.
      if (!server || !this.#lastReception) return;
      const item = this.#next(server, rx2.dataRate);
      if (!item) return;
      const { frequency, dataRate } = rx2;
      this.#transmit(server, item, this.#lastReception, { window: "class-c", frequency, dataRate, inMs: 0 });
      if (this.queue.items.length > 0) this.#classC();
      const { classCTimeoutMs } = server.policy;
      if (!item.confirmed || classCTimeoutMs === undefined) return;
      this.#network.later(classCTimeoutMs, () => {
        if (this.queue.pending !== item) return;
        this.queue.pending = undefined;
        const time = this.#network.now();
        this.#network.server?.listener({ kind: "ack", device: this, item, time, acknowledged: false });
        this.#classC();
      });
    });
  }

  #next(server: Server, dataRate: number): QueueItem | undefined {
    const time = this.#network.now();
    const maxPayload = dataRates[dataRate]?.maxPayload ?? 0;
    return this.queue.next(time, maxPayload, (item, why) =>
      server.listener({ kind: "discarded", device: this, item, time, why, maxPayload }),
    );
  }

  #transmit(
    server: Server,
    item: QueueItem,
    reception: Reception,
    {
      inMs,
      ...how
    }: Pick<Extract<NetworkEvent, { kind: "sent" }>, "window" | "frequency" | "dataRate"> & {
      readonly inMs: number;
    },
  ): void {
    const { options, now } = this.#network;
    const time = now();
    if (this.#random() < (options.gatewayRefusal ?? 0)) {
      server.listener({ kind: "gateway-refused", device: this, item, time });
      return;
    }
    item.fCntDown ??= this.#fCntDown++;
    this.queue.sent(item);
    server.listener({ kind: "sent", device: this, item, time, reception, ...how });
    const lost = this.#downlinksToLose > 0 || this.#random() < (options.downlinkLoss ?? 0);
    if (this.#downlinksToLose > 0) this.#downlinksToLose--;
    if (lost) return;
    this.#network.later(inMs + airtimeMs(how.dataRate, item.bytes.length), () => this.#receive(item));
  }

  #receive({ fPort, bytes, confirmed }: QueueItem): void {
    const time = this.#network.now();
    this.received.push({ fPort, bytes, time });
    if (confirmed) this.#owesAck = true;
    const speaksIn = this.settings.onDownlink?.({ fPort, bytes }, time);
    if (speaksIn !== undefined) this.#network.later(speaksIn, () => this.send());
  }
}

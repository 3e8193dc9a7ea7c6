import { randomUUID } from "node:crypto";
import { type CityControl, openCityControl, type SigningKey, type Told } from "../city-control.ts";
import { after } from "../wire.ts";

// A city's control room at work: it dims lamps, runs a pump, opens a door, and now and then asks for
// something that must be refused. Keeps book of what became of everything, schedules included.

/** One command and what was told of it, oldest first. */
export interface Asked {
  readonly id: string;
  readonly device: string;
  readonly point: string;
  /** Undefined for what others asked (a schedule, a local user), until its result tells. */
  readonly value?: number | string | boolean | undefined;
  readonly unit?: string | undefined;
  readonly issuer: string;
  /** Whether the control room asked for it; of others it hears the last word only. */
  readonly own: boolean;
  /** Unix ms: when it was asked for, or was first told of. */
  readonly time: number;
  readonly told: readonly Told["result"][];
}

export interface CommandSummary {
  /** By the control room; the others count what became of them. */
  readonly sent: number;
  readonly succeeded: number;
  /** Begun, and failed. */
  readonly failed: number;
  /** Nothing was written. */
  readonly refused: number;
  /** Accepted, and its time was over before it was begun. */
  readonly expired: number;
  /** Of what was refused or failed. */
  readonly codes: Readonly<Record<string, number>>;
  /** Succeeded, and the device showed it; by device. */
  readonly verified: Readonly<Record<string, number>>;
}

export interface ControlRoomOptions {
  /** mqtt:// */
  readonly url: string;
  readonly gateway: string;
  readonly key: SigningKey;
  readonly issuer: string;
  /** Between two rounds; each dims every lamp once. */
  readonly roundMs?: number | undefined;
  /** Called with a command whenever something of it is new. */
  readonly onChange?: ((asked: Asked) => void) | undefined;
}

export interface ControlRoom extends AsyncDisposable {
  /** Begins with its rounds; once. */
  start(): void;
  /** No new commands from now on; resolves when every sent one has its last word. */
  finish(): Promise<void>;
  summary(): CommandSummary;
}

/** What is asked for in one beat. */
interface Step {
  readonly device: string;
  readonly point: string;
  readonly value: number | string | boolean;
  readonly unit?: string;
  /** Ms after it is sent; 60 s unless given, negative: over already. */
  readonly lifeMs?: number;
  /** Two-step: confirmed so much later, ms. */
  readonly confirmAfterMs?: number;
}

/** Commands that are looked back at; what is open is never forgotten. */
const keep = 200;

const levels = [40, 80, 20, 100, 60];
const parkLevels = [55, 30, 75, 100, 45];

/** Beside the lamps: two of them in a round, one after the other. */
const others: readonly Step[] = [
  // No lamp burns brighter than full.
  { device: "lamp-1", point: "level", value: 140, unit: "%" },
  { device: "tunnel-pump", point: "run", value: true },
  // Sent by somebody whose clock is wrong, or kept by a broker for too long.
  { device: "square-relays", point: "relay_3", value: "on", lifeMs: -5000 },
  { device: "tunnel-pump", point: "run", value: false },
  // In the scene somebody works on the pump at this time.
  { device: "tunnel-pump", point: "run", value: true },
  { device: "cabinet-lock", point: "lock", value: "unlocked", lifeMs: 25_000, confirmAfterMs: 2000 },
];

/** A control room that is connected and waits for `start`. */
export async function openControlRoom(options: ControlRoomOptions): Promise<ControlRoom> {
  let room: Room | undefined;
  const { url, key } = options;
  const control = await openCityControl({ url, key, keep, onTold: (told) => room?.hear(told) });
  room = new Room(control, options);
  return room;
}

class Room implements ControlRoom {
  readonly #control: CityControl;
  readonly #options: ControlRoomOptions;
  readonly #asked = new Map<string, Asked>();
  /** Own commands without a last word. */
  readonly #open = new Set<string>();
  readonly #timers = new Set<Disposable>();
  readonly #counts = { sent: 0, succeeded: 0, failed: 0, refused: 0, expired: 0 };
  readonly #codes: Record<string, number> = {};
  readonly #verified: Record<string, number> = {};
  /** By device and point, as it was asked for. */
  readonly #units = new Map<string, string>();
  #beat = 0;
  #others = 0;
  #started = false;
  #over = false;

  constructor(control: CityControl, options: ControlRoomOptions) {
    this.#control = control;
    this.#options = options;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#next();
  }

  async finish(): Promise<void> {
    this.#stop();
    await this.#control.until(() => this.#open.size === 0);
  }

  summary(): CommandSummary {
    return { ...this.#counts, codes: { ...this.#codes }, verified: { ...this.#verified } };
  }

  hear({ device, result }: Told): void {
    const { id, point, issuer, value, time } = result;
    if (typeof id !== "string" || typeof point !== "string" || typeof issuer !== "string") return;
    const known = this.#asked.get(id) ?? {
      id,
      device,
      point,
      value: plain(value),
      unit: this.#units.get(`${device} ${point}`),
      issuer,
      own: false,
      time: typeof time === "number" ? time : Date.now(),
      told: [],
    };
    // Each comes at least once.
    if (known.told.some((one) => one.state === result.state && one.stage === result.stage)) return;
    const asked = { ...known, told: [...known.told, result] };
    if (result.last === true && this.#open.delete(id)) this.#count(asked, result);
    this.#change(asked);
  }

  #count({ device, told }: Asked, { state, code, verified }: Told["result"]): void {
    const accepted = told.some((one) => one.state === "accepted");
    if (state === "succeeded") this.#counts.succeeded++;
    else if (!accepted) this.#counts.refused++;
    else if (state === "expired") this.#counts.expired++;
    else this.#counts.failed++;
    if (typeof code === "string") this.#codes[code] = (this.#codes[code] ?? 0) + 1;
    if (state === "succeeded" && verified === true)
      this.#verified[device] = (this.#verified[device] ?? 0) + 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await this.#control[Symbol.asyncDispose]();
  }

  #stop(): void {
    this.#over = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  /** Four beats make a round: the lamp on the line, the lamp on the radio, and two other things. */
  #next(): void {
    const round = Math.floor(this.#beat / 4);
    const place = this.#beat++ % 4;
    const lamps: readonly Step[] = [
      { device: "lamp-1", point: "level", value: levels[round % levels.length] ?? 0, unit: "%" },
      { device: "park-lamp", point: "level", value: parkLevels[round % parkLevels.length] ?? 0, unit: "%" },
    ];
    const step = lamps[place] ?? others[this.#others++ % others.length];
    if (step) void this.#ask(step);
    this.#later((this.#options.roundMs ?? 20_000) / 4, () => this.#next());
  }

  async #ask({ device, point, value, unit, lifeMs = 60_000, confirmAfterMs }: Step): Promise<void> {
    const { issuer } = this.#options;
    const time = Date.now();
    if (unit !== undefined) this.#units.set(`${device} ${point}`, unit);
    const id = await this.#send(device, { point, value, issuedAt: time, expiresAt: time + lifeMs }, (id) => ({
      id,
      device,
      point,
      value,
      unit,
      issuer,
      own: true,
      time,
      told: [],
    }));
    if (confirmAfterMs === undefined) return;
    this.#later(confirmAfterMs, () => {
      const at = Date.now();
      const confirm = { point, action: "confirm", confirms: id, issuedAt: at, expiresAt: at + 15_000 };
      void this.#send(device, confirm, (own) => ({
        id: own,
        device,
        point,
        value: "(confirm)",
        issuer,
        own: true,
        time: at,
        told: [],
      }));
    });
  }

  async #send(
    device: string,
    ask: { readonly point: string; readonly [key: string]: unknown },
    entry: (id: string) => Asked,
  ): Promise<string> {
    const { gateway, issuer } = this.#options;
    const id = randomUUID();
    // Before it is on its way: the answer may be faster than the broker's acknowledgement.
    this.#open.add(id);
    this.#counts.sent++;
    this.#change(entry(id));
    try {
      await this.#control.command(gateway, device, { ...ask, id, issuer });
    } catch {
      // The broker is gone, and with it whoever would answer.
      this.#open.delete(id);
    }
    return id;
  }

  #change(asked: Asked): void {
    this.#asked.set(asked.id, asked);
    this.#options.onChange?.(asked);
    for (const id of this.#asked.keys()) {
      if (this.#asked.size <= keep) break;
      if (!this.#open.has(id)) this.#asked.delete(id);
    }
  }

  #later(ms: number, callback: () => void): void {
    if (this.#over) return;
    const timer = after(ms, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
  }
}

function plain(value: unknown): number | string | boolean | undefined {
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean"
    ? value
    : undefined;
}

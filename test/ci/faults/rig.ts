// Long: one gateway with its field, broker, city and lamp, and what every fault asks of them, over one set of processes.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { GatewayStatus } from "../../../gateway/local/surface.ts";
import { type CityControl, openCityControl } from "../../../simulators/city-control.ts";
import type { UnitSettings } from "../../../simulators/modbus/device.ts";
import { createModbusUnits, type ModbusUnits } from "../../../simulators/modbus/device.ts";
import { type ModbusServer, openModbusServer } from "../../../simulators/modbus/server.ts";
import { openPlatform, type Platform, type PlatformReading } from "../../../simulators/platform.ts";
import { openPty, type Pty } from "../../../simulators/pty.ts";
import { type Authority, type Certificate, makeAuthority, makeCertificate } from "../../mqtt/certificates.ts";
import { ask, type Daemon, type LogLine, newFolder, run, startDaemon } from "../../system/daemon.ts";
import { writeProfiles } from "../../system/field.ts";
import { type Mosquitto, startMosquitto } from "../mosquitto.ts";
import { createLamp, judgeLamp, type Lamp, lampProfile, type Order } from "./lamp.ts";
import { openPath, type Path } from "./path.ts";

// What every fault happens to: the built daemon, mosquitto over TLS with certificates on both sides, a platform and
// a control room behind it, and in front of it two lines with three meters and a lamp.

export const gateway = "gw-faults";
export const devices = ["meter-1", "meter-2", "meter-3", "lamp"] as const;
export type DeviceName = (typeof devices)[number];
const meters = ["meter-1", "meter-2", "meter-3"] as const;
type Meter = (typeof meters)[number];

/** Every answer of a meter is numbered: a reading says in which answer it was, and none can be made up. */
const meterProfile = `profile: test/counter
version: 1.0.0
title: Counter of its own answers
manufacturer: Test
models: [C]
category: energy-meter
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  answer: {at: {holding: 0, type: u32}, unit: count, class: fast}
`;

export interface RigOptions {
  /** The second line, which has meter-2 and meter-3, is a serial one (a pty), and the lamp is on it. */
  readonly serial?: boolean;
  /** Environment of the daemon. */
  readonly env?: Readonly<Record<string, string>>;
  /** Command in front of node. */
  readonly through?: readonly string[];
  /** Where the devices and the broker are, as the daemon sees them. */
  readonly host?: string;
  /** The broker's name in gateway.yaml. */
  readonly brokerName?: string;
  /** More lines of gateway.yaml. */
  readonly more?: string;
  /** Called with the folder of the store before the daemon starts. */
  readonly prepare?: (store: string) => void;
}

/** What one fault has been checked against. */
export interface Begun {
  readonly at: number;
  readonly lost: number;
  readonly log: ReadonlySet<LogLine>;
}

export const patienceMs = 40_000;
const levelTop = 79;

export class Rig implements AsyncDisposable {
  readonly folder: string;
  readonly store: string;
  readonly city: Authority;
  readonly lamp: Lamp = createLamp();
  readonly path: Path;
  readonly roof: ModbusServer;
  readonly basement: ModbusServer | undefined;
  /** Units of the second line. */
  readonly units: ModbusUnits;
  pty: Pty | undefined;
  daemon!: Daemon;
  broker!: Mosquitto;
  platform!: Platform;
  control!: CityControl;
  readonly levels: Order[] = [];
  readonly strikes: Order[] = [];
  readonly wrong: string[] = [];
  /** How long anything may take. */
  patienceMs = patienceMs;
  /** What a fault found out, for its own words. */
  notes = "";
  readonly record: string;
  readonly #options: RigOptions;
  readonly #served: Map<Meter, number>;
  readonly #arrived = new Map<string, Set<number>>();
  readonly #newest = new Map<string, { value: number; at: number }>();
  readonly #waiting = new Set<() => void>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #memory: string;
  readonly #brokerPort: { value: number };

  static async open(options: RigOptions = {}): Promise<Rig> {
    const host = options.host ?? "127.0.0.1";
    const port = { value: 0 };
    const path = await openPath(host, () => port.value);
    const lamp = createLamp();
    const served = new Map<Meter, number>(meters.map((name) => [name, 0]));
    const meter = (name: Meter): UnitSettings => ({
      registers: { holding: { 0: "0000 0000" } },
      scene: (registers) => {
        const answer = (served.get(name) ?? 0) + 1;
        served.set(name, answer);
        registers.set("holding", 0, [answer >>> 16, answer & 0xffff]);
      },
    });
    const first = { 1: meter("meter-1"), ...(options.serial ? {} : { 9: lamp.settings }) };
    const second = {
      2: meter("meter-2"),
      3: meter("meter-3"),
      ...(options.serial ? { 9: lamp.settings } : {}),
    };
    const roof = await openModbusServer({ listen: { tcp: 0, host }, units: first });
    const units = createModbusUnits(second);
    const basement = options.serial
      ? undefined
      : await openModbusServer({ listen: { tcp: 0, host }, units: second });
    const rig = new Rig({ options, path, lamp, served, roof, basement, units, port });
    await rig.startBroker();
    rig.platform = await openPlatform({
      url: rig.broker.url,
      record: rig.record,
      client: { ...rig.#client("platform"), reconnectPeriod: 50 },
      onReading: (reading) => rig.#reading(reading),
    });
    rig.control = await openCityControl({
      url: rig.broker.url,
      client: { ...rig.#client("control"), clientId: "city-control", clean: false, reconnectPeriod: 50 },
    });
    await rig.start();
    if (options.serial) {
      // Only now: the daemon would inherit the line's other end.
      rig.pty = openPty({ link: join(rig.folder, "ttyUSB0") });
      units.attach(rig.pty, "rtu");
    }
    await rig.fresh(devices);
    await rig.level();
    return rig;
  }

  private constructor(parts: {
    options: RigOptions;
    path: Path;
    lamp: Lamp;
    served: Map<Meter, number>;
    roof: ModbusServer;
    basement: ModbusServer | undefined;
    units: ModbusUnits;
    port: { value: number };
  }) {
    this.#options = parts.options;
    this.path = parts.path;
    this.lamp = parts.lamp;
    this.#served = parts.served;
    this.roof = parts.roof;
    this.basement = parts.basement;
    this.units = parts.units;
    this.#brokerPort = parts.port;
    this.folder = newFolder();
    this.store = join(this.folder, "store");
    this.record = join(this.folder, "record.jsonl");
    this.#memory = newFolder();
    this.city = makeAuthority("City CA");
    writeProfiles(this.folder, { "test/counter": meterProfile, "test/lamp": lampProfile });
    mkdirSync(this.store);
    parts.options.prepare?.(this.store);
  }

  // The gateway

  get yaml(): string {
    const { host = "127.0.0.1", serial, brokerName = "localhost", more = "" } = this.#options;
    const timing = "timing: {timeout: 250ms}";
    const basement = serial
      ? `{protocol: modbus, serial: {port: ${join(this.folder, "ttyUSB0")}, baud: 19200}, ${timing}}`
      : `{protocol: modbus, tcp: {host: ${host}, port: ${this.basement?.port}}, ${timing}}`;
    return `gateway: {id: ${gateway}, pen: 32474}
profiles: [device-profiles]
connections:
  roof: {protocol: modbus, tcp: {host: ${host}, port: ${this.roof.port}}, ${timing}}
  basement: ${basement}
devices:
  meter-1: {profile: test/counter, connection: roof, unit: 1, audience: open}
  meter-2: {profile: test/counter, connection: basement, unit: 2, audience: open}
  meter-3: {profile: test/counter, connection: basement, unit: 3, audience: restricted}
  lamp: {profile: test/lamp, connection: ${serial ? "basement" : "roof"}, unit: 9, audience: open}
poll: {fast: 200ms, normal: 1s}
northbound:
  city:
    type: mqtt
    url: mqtts://${brokerName}:${this.path.port}
    ca: ${join(this.folder, "ca.pem")}
    cert: ${join(this.folder, "own.pem")}
    key: ${join(this.folder, "own.key")}
    keepalive: 5
commands: {issuers: {city-control: {devices: ["*"], points: ["*"]}}}
storage: {folder: store, maxBytes: 20MB}
telemetry: {maxAge: 100ms}
${more}`;
  }

  async start(
    options: { readonly nowait?: boolean; readonly through?: readonly string[] } = {},
  ): Promise<Daemon> {
    const own = makeCertificate(this.city, { name: gateway });
    this.daemon = await startDaemon({
      folder: this.folder,
      yaml: this.yaml,
      files: { "ca.pem": this.city.cert, "own.pem": own.cert, "own.key": own.key },
      env: this.#options.env,
      through: this.#options.through,
      ...options,
    });
    return this.daemon;
  }

  /** Starts it where the fault before this one has left none behind. */
  async up(): Promise<void> {
    this.path.fault(undefined);
    await this.daemon.status().catch(() => this.start());
  }

  /** What the platform was last told of the gateway. */
  async offline(): Promise<string> {
    await this.within(
      this.platform.until(() => Object(this.platform.state(gateway)).state === "offline"),
      "the last will",
    );
    return "state topic: offline (last will)";
  }

  /** The first line of the log since `begun` that matches. */
  said(begun: Begun, matches: (line: LogLine) => boolean): Promise<LogLine> {
    return this.daemon.logged((line) => !begun.log.has(line) && matches(line));
  }

  /** As a person at the gateway would: status until it holds. */
  status(holds: (status: GatewayStatus) => boolean): Promise<GatewayStatus> {
    return this.daemon.until(holds);
  }

  /** A line of the log for the table, without what differs from run to run. */
  shown({ msg = "" }: LogLine): string {
    const text = msg
      .replaceAll(this.folder, "")
      .replaceAll(`:${this.path.port}`, "")
      .replace(/^not connected: /, "");
    return `log: ${text.length > 120 ? `${text.slice(0, 117)}...` : text}`;
  }

  /** The gateway says that it has lost the broker, or cannot reach it. */
  async disconnected(begun: Begun, { besides = "" } = {}): Promise<string> {
    const lost = ({ msg, code }: LogLine) => (msg?.startsWith("not connected") ?? false) && code !== besides;
    return this.shown(await this.said(begun, lost));
  }

  /** A good broker where there was none or another, once the city hears what it is told. */
  async newBroker({ forget = false } = {}): Promise<void> {
    this.path.fault({ accepts: "reset" });
    await this.broker.end();
    await this.startBroker({ forget });
    await this.cityIsBack({ forgot: forget });
    this.path.fault(undefined);
  }

  // The broker

  async startBroker(
    options: { server?: Certificate; config?: readonly string[]; forget?: boolean } = {},
  ): Promise<void> {
    const { server = this.serverCertificate(), config = [], forget = false } = options;
    this.broker = await startMosquitto({
      port: this.#brokerPort.value,
      tls: true,
      ...(forget ? {} : { memory: this.#memory }),
      files: { "ca.pem": this.city.cert, "broker.pem": server.cert, "broker.key": server.key },
      config: [
        "cafile FOLDER/ca.pem",
        "certfile FOLDER/broker.pem",
        "keyfile FOLDER/broker.key",
        "tls_version tlsv1.3",
        "require_certificate true",
        "use_identity_as_username true",
        "allow_anonymous true",
        "max_inflight_messages 0",
        ...config,
      ],
    });
    this.#brokerPort.value = Number(new URL(this.broker.url).port);
  }

  serverCertificate(options: { names?: readonly string[]; from?: number; to?: number } = {}): Certificate {
    return makeCertificate(this.city, {
      name: "broker",
      names: ["localhost", "127.0.0.1", this.#options.brokerName ?? "localhost"],
      ...options,
    });
  }

  /** Platform and control room are there again: whatever the broker now acknowledges reaches them. */
  async cityIsBack({ forgot = false } = {}): Promise<void> {
    const word = forgot ? "SUBACK" : "CONNACK";
    const back = (client: string) =>
      this.broker.log.some((line) => `${line} `.includes(`Sending ${word} to ${client} `));
    await this.until(() => back("city-platform") && back("city-control"));
  }

  // What the city sees

  /** Resolves when the platform has a reading of each device that the device answered after now. */
  async fresh(names: readonly DeviceName[]): Promise<void> {
    const now = performance.now();
    const before = new Map(this.#served);
    await this.until(() =>
      names.every((name) => {
        const newest = this.#newest.get(name);
        if (name === "lamp") return newest !== undefined && newest.at > now + 250;
        return newest !== undefined && newest.value > (before.get(name) ?? 0) + 1;
      }),
    );
  }

  /** Resolves when each device has been asked since now, and answered. */
  async polled(names: readonly DeviceName[]): Promise<void> {
    const before = new Map(this.#served);
    const lamp = this.lamp.attempts;
    await this.until(() =>
      names.every((name) =>
        name === "lamp"
          ? this.lamp.attempts > lamp
          : (this.#served.get(name) ?? 0) > (before.get(name) ?? 0) + 2,
      ),
    );
  }

  /** Commands a new level, and waits for the lamp and for the last word. */
  async level(): Promise<void> {
    const value = 1 + (this.levels.length % levelTop);
    const order = this.#order(this.levels, value, 60_000);
    await this.#command("level", order);
    const last = await this.within(this.control.last(order.id), `the last word on level ${value}`);
    if (last.state !== "succeeded") this.wrong.push(`level ${value}: ${JSON.stringify(last)}`);
    if (this.lamp.level !== value) this.wrong.push(`the lamp shows ${this.lamp.level} instead of ${value}`);
  }

  /** Asks for something that must happen once, soon or never: it may be asked while nothing gets through. */
  strike(forMs = 2_000): void {
    const order = this.#order(this.strikes, this.strikes.length + 1, forMs);
    this.#pending.add(this.#command("strike", order).catch(() => {}));
  }

  /** The last word on every strike that the gateway has got to know; it must be a true one. */
  async struck({ brokerForgot = false } = {}): Promise<void> {
    for (const order of this.strikes.slice(-1)) {
      const told = async () => {
        const found = this.control.results(order.id).find(({ last }) => last === true);
        if (found) return found;
        const path = `/v1/commands/${order.id}`;
        const { status, body } = await ask<Record<string, unknown>>(this.daemon.socket, "GET", path);
        return status === 200 && body.last !== false ? body : undefined;
      };
      const last = brokerForgot
        ? await told()
        : await this.within(this.control.last(order.id), `the last word on strike ${order.value}`);
      const times = this.lamp.written.filter(
        ({ place, value }) => place === "holding 1" && value === order.value,
      ).length;
      if (last?.state === "succeeded" && times !== 1)
        this.wrong.push(`strike ${order.value} succeeded, written ${times} times`);
      if (last?.state === "expired" && times !== 0)
        this.wrong.push(`strike ${order.value} expired, written ${times} times`);
    }
  }

  begin(): Begun {
    return {
      at: performance.now(),
      lost: this.platform.summary().lost,
      log: new Set(this.daemon.log),
    };
  }

  /** Everything that waits has been delivered, and the books are right. */
  async settled(begun: Begun, { mayLose = false } = {}): Promise<void> {
    await this.status(({ northbound }) => {
      const outbox = northbound[0]?.outbox;
      return outbox?.volatile === 0 && outbox.lanes.backlog === 0;
    });
    const { missing, malformed } = this.platform.summary();
    await this.within(
      this.platform.until(() => this.platform.summary().missing === 0),
      `the missing packs (${missing})`,
    );
    if (malformed > 0) this.wrong.push(`malformed: ${this.platform.lastProblem}`);
    const lost = this.platform.summary().lost - begun.lost;
    if (lost > 0 && !mayLose) this.wrong.push(`${lost} packs were given up`);
    await Promise.all(this.#pending);
    this.#pending.clear();
    this.wrong.push(...judgeLamp(this.lamp, this.levels, this.strikes));
  }

  /** The consumer's audit over everything that came in this rig. */
  async audit(): Promise<{ missing: number; lost: number; packs: number }> {
    const { out, err } = await run(["audit", this.record, "--offline", "--json"]);
    if (out === "") throw new Error(err);
    return JSON.parse(out);
  }

  /** Looks whenever something arrives at the platform, and now and then. */
  until(holds: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (!holds()) return;
      this.#waiting.delete(look);
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(look, 20);
    this.#waiting.add(look);
    look();
    return this.within(promise, "what was waited for");
  }

  async within<T>(work: Promise<T>, what: string): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const error = new Error(`${what} did not come within ${this.patienceMs / 1000} s`);
    const timer = setTimeout(() => reject(new Error(`${error.message}\n${this.#tail()}`)), this.patienceMs);
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon?.[Symbol.asyncDispose]();
    await this.platform?.[Symbol.asyncDispose]();
    await this.control?.[Symbol.asyncDispose]();
    await this.broker?.stop();
    await this.path[Symbol.asyncDispose]();
    await this.roof[Symbol.asyncDispose]();
    await this.basement?.[Symbol.asyncDispose]();
    await this.pty?.[Symbol.asyncDispose]();
  }

  #client(name: string) {
    const own = makeCertificate(this.city, { name });
    return { ca: this.city.cert, cert: own.cert, key: own.key };
  }

  #order(orders: Order[], value: number, forMs: number): Order {
    const sentAt = performance.now();
    const order = {
      id: `${value}-${crypto.randomUUID().slice(0, 8)}`,
      value,
      sentAt,
      expiresAt: sentAt + forMs,
    };
    orders.push(order);
    return order;
  }

  #command(point: string, { id, value, sentAt, expiresAt }: Order): Promise<string> {
    const expires = Date.now() + Math.round(expiresAt - sentAt);
    return this.control.command(gateway, "lamp", { id, point, value, expiresAt: expires });
  }

  #reading({ name, value }: PlatformReading): void {
    const [, device = "", point] = /-((?:meter-\d|lamp)):(\w+)$/.exec(name) ?? [];
    if (point === "answer" && value !== undefined) {
      const answer = Number(value);
      const served = this.#served.get(device as Meter) ?? 0;
      if (!Number.isInteger(answer) || answer < 1 || answer > served)
        this.wrong.push(`${device} never answered ${value}`);
      const arrived = this.#arrived.get(device) ?? new Set();
      if (arrived.has(answer)) this.wrong.push(`answer ${answer} of ${device} came twice`);
      this.#arrived.set(device, arrived.add(answer));
      const newest = this.#newest.get(device)?.value ?? 0;
      this.#newest.set(device, { value: Math.max(newest, answer), at: performance.now() });
    } else if (point === "level" && value !== undefined) {
      const known = value === 80 || this.levels.some((order) => order.value === value);
      if (!known) this.wrong.push(`the lamp never stood at ${value}`);
      this.#newest.set(device, { value: Number(value), at: performance.now() });
    }
    for (const look of [...this.#waiting]) look();
  }

  #tail(): string {
    return [
      ...(this.daemon?.output.split("\n").slice(-10) ?? []),
      ...this.broker.log
        .slice(-200)
        .filter((line) => /command|result|SUBS|CONN/.test(line))
        .slice(-25),
    ].join("\n");
  }
}

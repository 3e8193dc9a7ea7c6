import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Alarm, FrameSeen, LocalService, MachineFacts } from "../../gateway/local/commissioning.ts";
import { type LocalServer, openLocalServer } from "../../gateway/local/server.ts";
import type { LocalCommands, LocalHold, LocalSurface } from "../../gateway/local/surface.ts";
import type { Command, CommandResult } from "../../gateway/model/command.ts";
import type { Finding } from "../../gateway/model/commissioning.ts";
import type { Device } from "../../gateway/model/device.ts";
import type { Job, JobState } from "../../gateway/model/job.ts";
import type { ReadingJson } from "../../gateway/model/json.ts";
import type { Log } from "../../gateway/model/log.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { SimulatedDisk } from "../fault/simulated-disk.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { newFolder, root } from "../system/daemon.ts";

// The real local API over HTTPS, with a gateway behind it that a test of the page owns.

const lamp = `profile: test/lamp
version: 1.2.0
title: {en: Street lamp, sv: Gatlykta}
manufacturer: Test
models: [L-20]
category: lighting
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  level: {title: {en: Light level, sv: Ljusnivå}, at: {holding: 0}, unit: "%", range: [0, 100], class: fast, write: {range: [0, 100], step: 1}}
  mode: {title: {en: Mode, sv: Läge}, at: {holding: 6}, values: {0: {en: "off", sv: av}, 1: {en: "on", sv: på}, 2: {en: automatic, sv: automatiskt}}, class: fast, write: {}}
  barrier: {title: {en: Barrier, sv: Bom}, at: {coil: 1}, class: fast, write: {confirm: two-step, expiry: {max: 30s}}}
  voltage: {title: {en: Voltage, sv: Spänning}, at: {input: 10}, scale: 0.1, unit: V, range: [200, 250], class: fast}
  power: {title: {en: Power, sv: Effekt}, at: {input: 11}, unit: W, range: [0, 150], class: fast}
  energy: {title: {en: Energy, sv: Energi}, at: {input: 12, type: u32}, unit: Wh, kind: counter, class: fast}
  temperature: {title: {en: Temperature, sv: Temperatur}, at: {input: 14, type: s16}, scale: 0.1, unit: Cel, class: fast}
  faults: {title: {en: Faults, sv: Fel}, at: {input: 15}, bits: {0: door, 3: fire}, class: fast}
`;

export async function deviceOf(
  id: string,
  text: string,
  title?: Device["title"],
  connection = "roof",
): Promise<Device> {
  const protocols = await loadProtocols(({ name }) => name === "modbus");
  const name = /profile: (\S+)/.exec(text)?.[1] ?? "";
  const bases = { ids: [name], find: () => undefined };
  const { profile, diagnostics } = loadProfile(text, `device-profiles/${name}.yaml`, protocols, bases);
  if (!profile) throw new Error(JSON.stringify(diagnostics));
  return {
    id,
    title,
    profile,
    connection,
    settings: { unit: 1 },
    urn: `urn:dev:ops:32474-gw-${id}:`,
    audience: "restricted",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

export const lampDevice = (id: string, title: Device["title"], connection?: string) =>
  deviceOf(id, lamp, title, connection);

/** A device with so many numbers, `p0000` and on: more than a file of a profile may hold. */
export async function manyDevice(id: string, count: number): Promise<Device> {
  const device = await lampDevice(id, { en: id });
  const like = device.profile.points.find(({ name }) => name === "voltage");
  if (!like) throw new Error("the lamp has no voltage");
  const points = Array.from({ length: count }, (_, index) => ({
    ...like,
    name: `p${String(index).padStart(4, "0")}`,
    title: undefined,
  }));
  return { ...device, profile: { ...device.profile, points } };
}

type Told = Omit<ReadingJson, "time" | "quality"> & { quality?: string; time?: string };

/** A queue that wakes whoever waits, for one listener. */
class Fan<T> {
  readonly #listeners = new Set<(item: T) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  tell(item: T): void {
    for (const listener of this.#listeners) listener(item);
  }

  async *listen(signal: AbortSignal): AsyncGenerator<T> {
    const queue: T[] = [];
    let wake = Promise.withResolvers<void>();
    const listener = (item: T) => {
      queue.push(item);
      wake.resolve();
    };
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => wake.resolve(), { once: true });
    try {
      while (!signal.aborted) {
        yield* queue.splice(0);
        await wake.promise;
        wake = Promise.withResolvers();
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }
}

const stamp = () => ({ base: "unix" as const, ms: Date.now() });

/** Commands of which a test says how they end. */
class Desk implements LocalCommands {
  readonly submitted: Command[] = [];
  readonly held: LocalHold[] = [];
  readonly #results: CommandResult[] = [];
  readonly #fan = new Fan<CommandResult>();

  tell(result: CommandResult): void {
    this.#results.unshift(result);
    this.#fan.tell(result);
  }

  async submit(command: Command): Promise<CommandResult> {
    this.submitted.push(command);
    const { id, device, point, issuer, value, action, confirms } = command;
    const base = { id, device, point, issuer, value, time: stamp(), last: false } as const;
    if (action === "release") {
      this.held.splice(0);
      const done = { ...base, state: "succeeded", last: true } as const;
      this.tell(done);
      return done;
    }
    if (action === "confirm") {
      const armed = this.submitted.find((one) => one.id === confirms);
      this.tell({ ...base, state: "succeeded", last: true });
      if (armed)
        this.tell({
          ...base,
          id: armed.id,
          value: armed.value,
          state: "succeeded",
          verified: true,
          last: true,
        });
      return { ...base, state: "accepted" };
    }
    const twoStep = point === "barrier";
    const first: CommandResult = {
      ...base,
      state: "accepted",
      ...(twoStep ? { stage: "armed" as const } : {}),
    };
    this.tell(first);
    return first;
  }

  check(): undefined {}

  async *follow(id: string): AsyncGenerator<CommandResult> {
    const found = this.#results.find((one) => one.id === id);
    if (found) yield found;
  }

  results(signal: AbortSignal): AsyncIterable<CommandResult> {
    return this.#fan.listen(signal);
  }

  list(): readonly CommandResult[] {
    const seen = new Map<string, CommandResult>();
    for (const result of this.#results) if (!seen.has(result.id)) seen.set(result.id, result);
    return [...seen.values()];
  }

  holds(): readonly LocalHold[] {
    return this.held;
  }

  status() {
    return { open: 0, accepted: 1, succeeded: 1, failed: 0, expired: 0, refused: {}, unanswered: 0 };
  }
}

/** Jobs that are as a test says. */
class Jobs {
  readonly started: { kind: string; what: unknown }[] = [];
  readonly findings: Record<string, readonly Finding[]> = {};
  readonly #jobs = new Map<string, Job>();
  readonly #fan = new Fan<Job>();

  list = () => [...this.#jobs.values()];
  get = (id: string) => this.#jobs.get(id);
  stop = (id: string) => {
    this.end(id, "stopped");
    return true;
  };
  file = () => new TextEncoder().encode("a bundle");

  async start(kind: Job["kind"], what: Readonly<Record<string, unknown>>, by: string): Promise<Job> {
    this.started.push({ kind, what });
    const job: Job = {
      id: `job-${this.started.length}`,
      kind,
      state: "running",
      subject: "",
      by,
      startedAt: new Date().toISOString(),
      progress: {
        done: 3,
        total: 12,
        leftS: 9,
        doing: { en: "Looking at the ports", sv: "Ser över portarna" },
      },
      findings: (this.findings[kind] ?? []).slice(0, 2),
    };
    this.#jobs.set(job.id, job);
    return job;
  }

  end(id: string, state: JobState = "done"): void {
    const job = this.#jobs.get(id);
    if (!job) return;
    const ended = {
      ...job,
      state,
      findings: this.findings[job.kind] ?? [],
      endedAt: new Date().toISOString(),
    };
    this.#jobs.set(id, ended);
    this.#fan.tell(ended);
  }

  async *follow(id: string, signal: AbortSignal): AsyncGenerator<Job> {
    const now = this.#jobs.get(id);
    if (now) yield now;
    if (now?.state !== "running") return;
    for await (const job of this.#fan.listen(signal)) {
      if (job.id !== id) continue;
      yield job;
      if (job.state !== "running") return;
    }
  }
}

const sampleText = `gateway:
  id: sodermalm-07
  pen: 32473

connections:
  roof:
    protocol: modbus
    serial: {port: /dev/ttyUSB0, baud: 9600}

devices:
  lamp-1:
    profile: test/lamp
    connection: roof
    unit: 1
`;

const schema = {
  type: "object",
  required: ["gateway"],
  properties: {
    gateway: {
      description: "What the gateway is called and where it stands.",
      type: "object",
      properties: {
        id: { type: "string", description: "a-z, 0-9 and -; unique in the city; stands in every topic" },
        pen: { type: "integer", minimum: 1, description: "Private enterprise number from IANA" },
        position: { type: "object", description: "WGS 84" },
        timeZone: { type: "string", default: "Europe/Stockholm" },
      },
    },
    connections: { type: "object", description: "Lines to devices." },
    devices: { type: "object", description: "Devices, by their ids." },
  },
};

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");

/** Configurations as `gateway/config` keeps them, in memory. */
class Configuration {
  text = sampleText;
  readonly applied: string[] = [];
  #generations = [
    { number: 1, at: new Date(Date.now() - 86_400_000).toISOString(), by: "kim", note: "Driftsatt" },
  ];
  #texts = new Map([[1, sampleText.replace("9600", "4800")]]);

  async read() {
    return { text: this.text, hash: hashOf(this.text) };
  }
  async check(text: string) {
    const line = text.split("\n").findIndex((one) => one.includes("wrong"));
    const diagnostics =
      line < 0
        ? []
        : [
            {
              severity: "error" as const,
              code: "unknown-key",
              message: 'unknown key "wrong"',
              hint: 'did you mean "unit"?',
              file: "gateway.yaml",
              line: line + 1,
              column: 5,
              length: 5,
            },
          ];
    return { diagnostics, changes: text === this.text ? [] : ["lamp-1: changed"], restartNeeded: [] };
  }
  async apply(text: string, _hash: string, by: string, note?: string) {
    const checked = await this.check(text);
    if (checked.diagnostics.length > 0 || text.includes("refuse me")) {
      const finding = {
        severity: "error" as const,
        code: "port-taken",
        message: "the port is taken",
        file: "gateway.yaml",
        line: 1,
        column: 1,
        length: 1,
      };
      return { ...checked, diagnostics: [...checked.diagnostics, finding], applied: false };
    }
    this.applied.push(text);
    const number = this.#generations.length + 1;
    this.#texts.set(number, this.text);
    this.#generations.push({ number, at: new Date().toISOString(), by, note: note ?? "" });
    this.text = text;
    return { ...(await this.check(text)), applied: true, generation: number };
  }
  async generations() {
    return this.#generations.map((one, index) => ({
      ...one,
      hash: hashOf(this.#texts.get(one.number) ?? this.text),
      current: index === this.#generations.length - 1,
    }));
  }
  async generation(number: number) {
    return { text: this.#texts.get(number) ?? "" };
  }
  async rollBack(number: number, by: string) {
    return this.apply(this.#texts.get(number) ?? "", "", by, `back to ${number}`);
  }
  async schema() {
    return schema;
  }
}

const machine: MachineFacts = {
  model: "Raspberry Pi 4 Model B Rev 1.5",
  os: "Debian GNU/Linux 13 (trixie)",
  hostname: "sodermalm-07",
  addresses: ["192.0.2.17", "fe80::1"],
  uptimeS: 1_234_567,
  load: 0.42,
  memory: { totalMB: 3800, freeMB: 2900 },
  disk: { totalMB: 29_000, freeMB: 21_500 },
  temperatureC: 51.1,
  undervoltage: "earlier",
  timeKeeper: "systemd-timesyncd",
  node: "v24.21.0",
};

export interface PageGateway extends AsyncDisposable {
  readonly port: number;
  /** The first password of `admin`. */
  readonly password: string;
  readonly server: LocalServer;
  readonly desk: Desk;
  readonly jobs: Jobs;
  readonly configuration: Configuration;
  alarms: Alarm[];
  /** Streams of readings that are open. */
  readonly listeners: number;
  tell(readings: readonly Told[]): void;
  /** Frames on the line. */
  sendFrames(frames: readonly FrameSeen[]): void;
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Opens it on a port of 127.0.0.1; on the same one again after a restart, with the same users. */
export async function openPageGateway(
  devices: readonly Device[],
  again?: { readonly port: number; readonly disk: SimulatedDisk },
): Promise<PageGateway & { readonly disk: SimulatedDisk }> {
  const latest = new Map<string, ReadingJson>();
  const readings = new Fan<readonly ReadingJson[]>();
  const frames = new Fan<readonly FrameSeen[]>();
  const desk = new Desk();
  const jobs = new Jobs();
  const configuration = new Configuration();
  const started = Date.now();
  let alarms: Alarm[] = [];
  const lines = [...new Set(devices.map(({ connection }) => connection))];
  const problemOf = (id: string) =>
    alarms.find(({ device, severity }) => device === id && severity === "major")?.message.en;
  const service: Partial<LocalService> = {
    ports: async () => [],
    profiles: async () => ({ tag: "1", gzip: gzipSync("[]") }),
    machine: async () => machine,
    alarms: () => alarms,
    frames: (_connection, signal) => frames.listen(signal),
    jobs,
    configuration,
  };
  const surface: LocalSurface = {
    service,
    commands: desk,
    status: () => ({
      gateway: "sodermalm-07",
      version: "0.1.0",
      run: "r1",
      uptimeS: Math.round((Date.now() - started) / 1000) + 93_784,
      clock: { trusted: true, now: new Date().toISOString() },
      devices: devices.map(({ id, profile, connection }) => ({
        id,
        profile: profile.id,
        connection,
        state: problemOf(id) ? "unavailable" : "available",
        problem: problemOf(id),
        lastSeen: new Date().toISOString(),
        errors: problemOf(id) ? { timeout: 14 } : {},
      })),
      connections: lines.map((name) => ({ name, state: "open", utilisation: 0.31 })),
      northbound: [
        {
          name: "city",
          connected: alarms.length === 0,
          peer: "mqtts://broker.example.org:8883",
          ...(alarms.length === 0 ? {} : { error: "connect ETIMEDOUT" }),
          outbox: {
            packs: alarms.length === 0 ? 0 : 412,
            bytes: 512_000,
            readings: alarms.length === 0 ? 0 : 20_614,
            oldestMs: 3_723_000,
            lanes: { command: 0, urgent: 0, normal: 412, bulk: 0 } as never,
            disk: "ok",
            volatile: 0,
            quarantined: 0,
          },
        },
      ],
      quarantined:
        alarms.length === 0
          ? []
          : [{ kind: "device", id: "lamp-9", reason: 'gateway.yaml:41:5: unknown key "unti"' }],
      memoryMB: 78,
      https: { port: 8443, fingerprint: "AB:CD:EF:01:23:45:67:89:".repeat(4).slice(0, -1) },
    }),
    devices: () => devices,
    latest: (filter) =>
      [...latest.values()].filter(
        ({ device, point }) =>
          (filter.device === undefined || device === filter.device) &&
          (filter.point === undefined || point === filter.point),
      ),
    readings: (_filter, signal) => readings.listen(signal),
    readNow: async (device) => [...latest.values()].filter((one) => one.device === device),
    connections: () =>
      lines.map((connection) => ({
        connection,
        state: "open",
        utilisation: 0.31,
        demanded: 0.44,
        stretch: 1,
        missed: 0,
        dropped: 0,
        statistics: { requests: 41_233, answers: 41_219 },
        writes: { done: 12, refused: 1, failed: 0 },
        errors: { timeout: 14, crc: 3 },
        replies: {
          bounds: [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
          counts: [0, 0, 12, 31_000, 9200, 940, 60, 4, 0, 0, 0, 0],
        },
        devices: devices
          .filter((one) => one.connection === connection)
          .map(({ id }) => ({
            device: id,
            availability: "available",
            breaker: "closed",
            errors: {},
            leftOut: [],
            learned: [],
          })),
      })),
    accounting: () => ({}),
    reload: async () => ({ applied: true, changes: [], diagnostics: [] }),
    history: async (query) => {
      const to = Number(query.get("to"));
      const from = Number(query.get("from"));
      const rows = Array.from({ length: 120 }, (_, index) => ({
        time: from + ((to - from) * index) / 120,
        quality: "good",
        ...(index > 60 && index < 70 ? {} : { value: 230 + 4 * Math.sin(index / 9) }),
      }));
      return { device: query.get("device"), series: [{ point: query.get("point"), unit: "V", rows }] };
    },
    auditLog: async () => ({
      lines: [
        {
          n: 1,
          time: Date.now() - 60_000,
          bootMs: 1,
          clock: "trusted",
          what: "user",
          who: "admin",
          detail: { action: "login", address: "192.0.2.4" },
        },
        {
          n: 2,
          time: Date.now() - 30_000,
          bootMs: 2,
          clock: "trusted",
          what: "command",
          who: "kim",
          detail: { device: "lamp-1", point: "level", state: "succeeded" },
        },
      ].map((line) => JSON.stringify({ ...line, prev: "0" })),
    }),
    logs: () => [
      JSON.stringify({
        level: 30,
        time: new Date(Date.now() - 9000).toISOString(),
        connection: "roof",
        msg: "opened",
      }),
      JSON.stringify({
        level: 40,
        time: new Date(Date.now() - 5000).toISOString(),
        device: "lamp-2",
        code: "timeout",
        msg: "does not answer",
      }),
      JSON.stringify({
        level: 50,
        time: new Date().toISOString(),
        northbound: "city",
        err: { code: "ETIMEDOUT" },
        msg: "the far side is away",
      }),
    ],
    configText: async () => configuration.text,
    checkConfig: async (text) => (await configuration.check(text)).diagnostics,
  };
  const server = await openLocalServer({
    socket: join(newFolder(), "s.sock"),
    surface: () => surface,
    clock: realClock,
    log: silent,
    page: join(root, "dist/web"),
  });
  let password = "";
  const disk = again?.disk ?? new SimulatedDisk({ random: () => 0.5 });
  const { port } = await server.openHttps({
    port: again?.port ?? 0,
    host: "127.0.0.1",
    openDisk: async () => disk,
    names: ["localhost", "127.0.0.1"],
    firstPassword: (_user, given) => {
      password = given;
    },
  });
  return {
    port,
    server,
    desk,
    jobs,
    configuration,
    disk,
    get password() {
      return password;
    },
    get alarms() {
      return alarms;
    },
    set alarms(told) {
      alarms = told;
    },
    get listeners() {
      return readings.size;
    },
    tell(told) {
      const time = new Date().toISOString();
      const all = told.map((one) => ({ quality: "good", time, ...one }));
      for (const one of all) latest.set(`${one.device} ${one.point}`, one);
      readings.tell(all);
    },
    sendFrames: (told) => frames.tell(told),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

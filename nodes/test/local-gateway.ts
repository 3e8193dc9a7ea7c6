import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { derivedDevice } from "../../gateway/config/derived-points.ts";
import { type LocalServer, openLocalServer } from "../../gateway/local/server.ts";
import type { LocalCommands, LocalSurface } from "../../gateway/local/surface.ts";
import type { Command, CommandResult } from "../../gateway/model/command.ts";
import { rational } from "../../gateway/model/decimal.ts";
import type { Device, Point } from "../../gateway/model/device.ts";
import { ConfigError } from "../../gateway/model/errors.ts";
import { type ReadingJson, readingToJson } from "../../gateway/model/json.ts";
import type { Log } from "../../gateway/model/log.ts";
import { derivedReading } from "../../gateway/telemetry/derived-value.ts";
import { answerHistory } from "../../gateway/telemetry/history-answer.ts";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { realClock } from "../../test/mqtt/real-clock.ts";
import { askSocket } from "./ask.ts";
import { Feed } from "./feed.ts";
import { pagesOf } from "./history-pages.ts";
import { testDevice } from "./lamp.ts";

// The local API as the daemon serves it, on a Unix socket of its own, with a gateway behind it that a test owns.

/** A word about a command: `accepted` is said by itself. */
export type Said = Partial<Omit<CommandResult, "id" | "device" | "point">>;

export interface LocalGateway extends AsyncDisposable {
  readonly socket: string;
  readonly devices: Device[];
  /** What was commanded, in order. */
  readonly submitted: readonly Command[];
  /** What `history` is answered from. */
  readonly kept: ReadingJson[];
  /** Streams of readings that the server takes from the gateway now. */
  readonly listeners: number;
  /** Readings as they come: quality `good` and the present time unless said otherwise. */
  tell(...readings: (Pick<ReadingJson, "device" | "point"> & Partial<ReadingJson>)[]): void;
  /** The gateway could not keep up. */
  lose(count: number): void;
  /** What the status says of a device; told by /v1/states within a second. */
  state(device: string, state: string, problem?: string): void;
  /** What becomes of commands from now on: words in order, or undefined to say them later with `say`. */
  answer(words: ((command: Command) => readonly Said[]) | undefined): void;
  say(id: string, word: Said): void;
  /** What was handed in of the derived points `occupancy` (%, 0..100) and `flooded`, in order. */
  readonly published: readonly ReadingJson[];
  /** Resolves when so many commands have come. */
  commanded(count: number): Promise<readonly Command[]>;
  /** Resolves when a stream of readings is open. */
  listened(): Promise<void>;
  /** Resolves when no stream of readings is open. */
  deserted(): Promise<void>;
  /** The daemon stops, and starts again on the same socket. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** The second door, with a token for machines. */
  openHttps(role?: string): Promise<{ url: string; token: string; fingerprint: string }>;
}

/** Devices `lamp-1` and `lamp-2`: level % 0..100, power W (read only), mode, relay, lock (two-step), alarms (bits). */
export async function openLocalGateway(): Promise<LocalGateway> {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-nodes-"));
  const socket = join(folder, "s.sock");
  const disk = new SimulatedDisk({ random: () => 0.5 });
  const devices = [await testDevice("lamp-1"), await testDevice("lamp-2")];
  const latest = new Map<string, ReadingJson>();
  const readings = new Feed<readonly ReadingJson[] | { readonly lost: number }>();
  const results = new Feed<CommandResult>();
  const submitted: Command[] = [];
  const words = new Map<string, CommandResult[]>();
  const states = new Map<string, { state: string; problem?: string | undefined }>();
  const kept: ReadingJson[] = [];
  const commanded = new Feed<Command>();
  const succeed = ({ value }: Command): readonly Said[] => [
    { state: "executing" },
    { state: "succeeded", value, verified: true },
  ];
  let answers: ((command: Command) => readonly Said[]) | undefined = succeed;

  const say = (command: Command, word: Said): CommandResult => {
    const state = word.state ?? "accepted";
    const result: CommandResult = {
      issuer: command.issuer,
      time: realClock.stamp(),
      last: state === "succeeded" || state === "failed" || state === "expired",
      ...word,
      id: command.id,
      device: command.device,
      point: command.point,
      state,
    };
    words.set(command.id, [...(words.get(command.id) ?? []), result]);
    results.push(result);
    return result;
  };
  const refusal = (command: Command): Said | undefined => {
    const device = devices.find(({ id }) => id === command.device);
    if (!device) return { state: "failed", code: "unknown-device", text: `no device ${command.device}` };
    const point = device.profile.points.find(({ name }) => name === command.point);
    if (!point?.write)
      return { state: "failed", code: "unknown-point", text: `${command.point} cannot be written` };
    const [low, high] = point.write.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    if (typeof command.value === "number" && (command.value < low || command.value > high))
      return {
        state: "failed",
        code: "out-of-range",
        text: `${command.value} is not within ${low}..${high}`,
      };
    return undefined;
  };
  const commands: LocalCommands = {
    async submit(command) {
      submitted.push(command);
      const refused = refusal(command);
      const first = say(command, refused ?? { state: "accepted" });
      if (!refused) for (const word of answers?.(command) ?? []) say(command, word);
      commanded.push(command);
      return first;
    },
    check: (command) => {
      const refused = refusal(command);
      return refused && say(command, refused);
    },
    async *follow(id, signal) {
      const told = results.listen(signal);
      const latest = words.get(id)?.at(-1);
      if (!latest) return;
      yield latest;
      if (latest.last) return;
      for await (const result of told) {
        if (result.id !== id) continue;
        yield result;
        if (result.last) return;
      }
    },
    results: (signal) => results.listen(signal),
    list: ({ limit = 100 } = {}) => Array.from(words.values(), (all) => all.at(-1)!).slice(-limit),
    holds: () => [],
    status: () => ({
      open: 0,
      accepted: submitted.length,
      succeeded: 0,
      failed: 0,
      expired: 0,
      refused: {},
      unanswered: 0,
    }),
  };
  const known = (device: string): Device => {
    const found = devices.find(({ id }) => id === device);
    if (!found) throw new ConfigError(`no device ${device}`, { code: "unknown-device" });
    return found;
  };
  const filtered = (device?: string, point?: string) =>
    Array.from(latest.values()).filter(
      (one) =>
        (device === undefined || one.device === device) && (point === undefined || one.point === point),
    );
  const surface: LocalSurface = {
    status: () => ({
      gateway: "gw-test",
      version: "0.0.0",
      run: "r",
      uptimeS: 1,
      clock: { trusted: true },
      devices: devices.map(({ id, profile, connection }) => ({
        id,
        profile: profile.id,
        connection,
        errors: {},
        ...(states.get(id) ?? { state: "available" }),
      })),
      connections: [{ name: "roof", utilisation: 0.5, ...(states.get("roof") ?? { state: "open" }) }],
      northbound: [],
      quarantined: [],
      memoryMB: 70,
    }),
    devices: () => devices,
    latest: ({ device, point }) => filtered(device, point),
    readings: (_filter, signal) => readings.listen(signal),
    readNow: async (device, points) => {
      known(device);
      return filtered(device).filter(({ point }) => points.length === 0 || points.includes(point));
    },
    connections: () => [],
    accounting: () => ({}),
    reload: async () => ({ applied: true, changes: [], diagnostics: [] }),
    // Cut down to one profile that knows one kind of payload; the real one is tested in test/system/local-payloads.test.ts.
    payloads: {
      decode: async ({ profile, payload, fPort = 1 }) => {
        if (profile !== "test/room")
          throw new ConfigError(`no profile ${profile}`, { code: "unknown-profile" });
        const [temperature = 0] = payload;
        return [
          { point: "temperature", value: temperature, unit: "Cel", quality: "good" },
          { point: "port", value: fPort, quality: "good" },
        ];
      },
      encode: async ({ point, value, settings }) => {
        if (point !== "level") throw new ConfigError(`no point ${point}`, { code: "unknown-point" });
        const payload = Buffer.from([Number(settings?.unit ?? 1), Number(value)]).toString("hex");
        return [
          { payload, fPort: 60, label: `level = ${value}` },
          { payload: "ff", label: "store" },
        ];
      },
    },
    commands,
    history: (query) => {
      known(query.get("device") ?? "");
      return answerHistory({ query: (asked) => pagesOf(kept, asked) }, query, Date.now());
    },
  };
  const published: ReadingJson[] = [];
  const derived = derivedDevice(
    { id: "gw-test", pen: 32474 },
    [
      { point: derivedPoint("occupancy", { unit: "%", range: [0, 100] }), audience: "open" },
      { point: derivedPoint("flooded", { rawKind: "boolean", kind: "state" }), audience: "restricted" },
    ],
    { fast: 1000, normal: 10_000, slow: 60_000 },
    new Map(),
  );
  surface.publish = async (value) => {
    const reading = readingToJson(derivedReading(derived, value, realClock), realClock);
    published.push(reading);
    return reading;
  };
  let server: LocalServer | undefined;
  const gateway: LocalGateway = {
    socket,
    devices,
    submitted,
    kept,
    published,
    get listeners() {
      return readings.size;
    },
    tell(...told) {
      const batch = told.map((one) => ({ quality: "good", time: new Date().toISOString(), ...one }));
      for (const one of batch) latest.set(`${one.device}/${one.point}`, one);
      readings.push(batch);
    },
    lose: (count) => readings.push({ lost: count }),
    state: (device, state, problem) => void states.set(device, { state, problem }),
    answer: (given) => {
      answers = given;
    },
    say: (id, word) => {
      const command = submitted.find((one) => one.id === id);
      if (!command) throw new Error(`no command ${id}`);
      say(command, word);
    },
    commanded: async (count) => {
      const ended = new AbortController();
      const more = commanded.listen(ended.signal);
      if (submitted.length < count) for await (const _one of more) if (submitted.length >= count) break;
      ended.abort();
      return submitted;
    },
    listened: () => readings.joined(),
    deserted: () => readings.left(),
    async stop() {
      await server?.[Symbol.asyncDispose]();
      server = undefined;
    },
    async start() {
      server = await openLocalServer({ socket, surface: () => surface, clock: realClock, log: silent });
    },
    async openHttps(role = "operator") {
      if (!server) throw new Error("the gateway is stopped");
      const { port, fingerprint } = await server.openHttps({
        port: 0,
        host: "127.0.0.1",
        openDisk: async () => disk,
        names: ["localhost", "127.0.0.1"],
        firstPassword: () => {},
      });
      const made = await askSocket<{ secret: string }>(socket, "/v1/tokens", { name: `nodes-${port}`, role });
      return { url: `https://127.0.0.1:${port}`, token: made.secret, fingerprint };
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await gateway.start();
  return gateway;
}

function derivedPoint(name: string, more: Partial<Point>): Point {
  const scale = rational(1);
  const rest = {
    kind: "gauge",
    rawKind: "float",
    pollClass: { everyMs: 60_000 },
    absent: [],
    personal: false,
  } as const;
  return { name, address: undefined, scale, offset: rational(0), ...rest, ...more };
}

const nothing = () => {};
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silent };

import type { DeviceFound, Finding } from "../model/commissioning.ts";
import type { DeviceProfile, Text } from "../model/device.ts";
import { ConfigError } from "../model/errors.ts";
import type { JobProgress } from "../model/job.ts";
import type { Protocol, ScanInput, ScanPlan, SouthboundContext } from "../southbound/protocol.ts";
import type { LineSettingsWhat, ScanWhat } from "./scan-input.ts";

/** A connection of gateway.yaml, with its devices. */
export interface KnownConnection {
  readonly id: string;
  readonly protocol: string;
  /** As the protocol's schema hands it on. */
  readonly settings: unknown;
  readonly devices: readonly { readonly id: string; readonly settings: unknown }[];
}

/** What a scan is given: `connect` opens lines that it has alone. */
export interface ScanContext extends Omit<SouthboundContext, "emit" | "signal"> {
  protocols(): Promise<readonly Protocol[]>;
  profiles(): Promise<readonly DeviceProfile[]>;
  connections(): Promise<readonly KnownConnection[]>;
}

/** As `JobStep` of jobs.ts. */
export interface ScanJobStep {
  readonly progress?: JobProgress | undefined;
  readonly finding?: Finding | undefined;
}

/** What a job asks of one protocol. */
interface Task {
  readonly protocol: Protocol;
  readonly connection: unknown;
  readonly input: ScanInput;
  readonly plan: ScanPlan;
  readonly known: readonly KnownConnection[];
}

/** Settings of a line that are tried in a quick look: those that devices are delivered with. */
const usualLines = 8;
/** Devices and settings that one job says. */
const mostFindings = 500;
/** Nobody reads faster, ms. */
const progressMs = 250;
const defaultProtocol = "modbus";

/**
 * Looks for devices: reads only, and ends by itself within what the first step says. Throws ConfigError
 * (`unknown-connection`, `cannot-scan`, `unknown-protocol`), LinkError, or the signal's reason.
 */
export async function* scanJob(
  what: ScanWhat,
  context: ScanContext,
  signal: AbortSignal,
): AsyncGenerator<ScanJobStep> {
  yield* run(await scanTasks(what, context), context, signal, () => true);
}

/** Looks for the line settings with which somebody answers. As `scanJob`. */
export async function* lineSettingsJob(
  what: LineSettingsWhat,
  context: ScanContext,
  signal: AbortSignal,
): AsyncGenerator<ScanJobStep> {
  const protocols = (await context.protocols()).filter(
    ({ name, scan, lineSettings }) =>
      scan && lineSettings && (what.protocol === undefined || name === what.protocol),
  );
  const tasks = protocols.flatMap((protocol) => {
    const connection = connectionAt(protocol, { port: what.port });
    const input: ScanInput = { profiles: [], effort: "quick", lines: linesOf(protocol, connection, "quick") };
    return connection === undefined ? [] : [taskOf(protocol, connection, input, [])];
  });
  if (tasks.length === 0) throw cannotScan(what.protocol);
  yield* run(tasks, context, signal, ({ kind }) => kind === "settings");
}

/** What a scan asks, and takes at most, before it begins. Throws as `scanJob` does. */
export async function scanCost(what: ScanWhat, context: ScanContext): Promise<ScanPlan> {
  return sum((await scanTasks(what, context)).map(({ plan }) => plan));
}

async function scanTasks(what: ScanWhat, context: ScanContext): Promise<readonly Task[]> {
  const [protocols, profiles, connections] = await Promise.all([
    context.protocols(),
    context.profiles(),
    context.connections(),
  ]);
  const { effort, addresses } = what;
  const inputFor = (protocol: Protocol, lines: readonly unknown[] | undefined): ScanInput => ({
    profiles: profiles.filter((profile) => profile.protocol === protocol.name),
    effort,
    addresses,
    ...(lines && { lines }),
  });
  if (what.connection !== undefined) {
    const known = connections.find(({ id }) => id === what.connection);
    if (!known)
      throw new ConfigError(`gateway.yaml has no connection ${what.connection}`, {
        code: "unknown-connection",
      });
    const protocol = protocols.find(({ name }) => name === known.protocol);
    if (!protocol?.scan) throw cannotScan(known.protocol);
    const others = effort === "thorough" ? (protocol.lineSettings?.(known.settings) ?? []) : [];
    const lines = [known.settings, ...others.filter((line) => !isSame(line, known.settings))];
    return [taskOf(protocol, known.settings, inputFor(protocol, lines), alike(known.settings, connections))];
  }
  const all = effort === "thorough" && what.protocol === undefined;
  const wanted = protocols.filter(({ name }) => all || name === (what.protocol ?? defaultProtocol));
  const tasks = wanted.flatMap((protocol) => {
    const connection = protocol.scan && connectionAt(protocol, what);
    if (connection === undefined) return [];
    const lines = linesOf(protocol, connection, effort);
    return [taskOf(protocol, connection, inputFor(protocol, lines), alike(connection, connections))];
  });
  if (tasks.length === 0) throw cannotScan(what.protocol);
  return tasks;
}

function taskOf(
  protocol: Protocol,
  connection: unknown,
  input: ScanInput,
  known: readonly KnownConnection[],
): Task {
  const plan = protocol.scanPlan?.(connection, input) ?? { asks: 0, worstMs: 0 };
  return { protocol, connection, input, plan, known };
}

function linesOf(
  protocol: Protocol,
  connection: unknown,
  effort: ScanWhat["effort"],
): readonly unknown[] | undefined {
  if (connection === undefined) return undefined;
  const lines = protocol.lineSettings?.(connection);
  return effort === "quick" ? lines?.slice(0, usualLines) : lines;
}

/** The protocol's connection at a port or a host, with any settings; undefined where it has none there. */
export function connectionAt(
  protocol: Protocol,
  { port, host, tcpPort }: Pick<Partial<ScanWhat>, "port" | "host" | "tcpPort">,
): unknown {
  const written =
    port === undefined
      ? [{ tcp: { host, ...(tcpPort === undefined ? {} : { port: tcpPort }) } }]
      : [{ serial: { port } }, { serial: { port, baud: 9600 } }];
  for (const one of written) {
    const result = protocol.connection.safeParse(one);
    if (result.success) return result.data;
  }
  return undefined;
}

async function* run(
  tasks: readonly Task[],
  context: ScanContext,
  signal: AbortSignal,
  isWanted: (finding: Finding) => boolean,
): AsyncGenerator<ScanJobStep> {
  signal.throwIfAborted();
  const total = sum(tasks.map(({ plan }) => plan));
  yield { progress: { done: 0, total: total.asks, leftS: seconds(total.worstMs), doing: beginning } };
  let before = 0;
  let findings = 0;
  let saidAt = Number.NEGATIVE_INFINITY;
  for (const [index, { protocol, connection, input, plan, known }] of tasks.entries()) {
    const laterMs = sum(tasks.slice(index + 1).map((task) => task.plan)).worstMs;
    const own: SouthboundContext = { ...context, signal, emit: () => Promise.resolve() };
    for await (const step of protocol.scan?.(connection, input, own) ?? []) {
      signal.throwIfAborted();
      if (!("kind" in step)) {
        const now = context.clock.monotonic();
        if (now - saidAt < progressMs) continue;
        saidAt = now;
        const leftS = seconds(step.leftMs + laterMs);
        const done = Math.min(before + step.asked, total.asks);
        yield { progress: { done, total: total.asks, leftS, doing: both(step.doing) } };
      } else if (isWanted(step) && findings++ < mostFindings) {
        yield { finding: step.kind === "device" ? marked(step, protocol, known) : step };
      }
    }
    before += plan.asks;
  }
  yield { progress: { done: total.asks, total: total.asks, leftS: 0, doing: ending } };
}

/** With the device of gateway.yaml that it is. */
function marked(found: DeviceFound, protocol: Protocol, known: readonly KnownConnection[]): DeviceFound {
  const parsed = protocol.device.safeParse(found.settings);
  const settings = parsed.success ? parsed.data : found.settings;
  const device = known
    .filter((connection) => connection.protocol === protocol.name)
    .flatMap(({ devices }) => devices)
    .find((one) => isSame(one.settings, settings));
  return device ? { ...found, known: device.id } : found;
}

/** Connections of gateway.yaml on the same port or host. */
function alike(connection: unknown, connections: readonly KnownConnection[]): readonly KnownConnection[] {
  const place = placeOf(connection);
  return connections.filter(({ settings }) => isSame(settings, connection) || placeOf(settings) === place);
}

/** `/dev/ttyUSB0`, `192.168.1.20:502`; of a connection that has neither, all of it. */
function placeOf(connection: unknown): string {
  if (typeof connection === "object" && connection !== null && "endpoint" in connection) {
    const { endpoint } = connection;
    if (typeof endpoint === "object" && endpoint !== null && "port" in endpoint)
      return "host" in endpoint ? `${endpoint.host}:${endpoint.port}` : String(endpoint.port);
  }
  return stable(connection);
}

function isSame(a: unknown, b: unknown): boolean {
  return stable(a) === stable(b);
}

/** The order of keys says nothing, and what is undefined is not there. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

function sum(plans: readonly ScanPlan[]): ScanPlan {
  return plans.reduce(
    (all, { asks, worstMs }) => ({ asks: all.asks + asks, worstMs: all.worstMs + worstMs }),
    { asks: 0, worstMs: 0 },
  );
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

function cannotScan(protocol: string | undefined): ConfigError {
  return new ConfigError(
    protocol === undefined
      ? "there is nothing that could be scanned here"
      : `the protocol ${protocol} cannot be scanned here`,
    { code: "cannot-scan", hint: "modbus, mbus, sdi12, smart-meter and nmea can be, on a serial port" },
  );
}

function both({ en, sv = en }: Text): JobProgress["doing"] {
  return { en, sv };
}

const beginning = { en: "begins", sv: "börjar" };
const ending = { en: "done", sv: "klar" };

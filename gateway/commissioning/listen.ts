import type { CheckDone } from "../model/commissioning.ts";
import type { Text } from "../model/device.ts";
import { ConfigError } from "../model/errors.ts";
import type { JobProgress } from "../model/job.ts";
import type { Protocol, SouthboundContext } from "../southbound/protocol.ts";
import type { Connect, Transport } from "../transport/transport.ts";
import { heardCheck, type Sums } from "./listen-words.ts";
import { connectionAt, type ScanContext, type ScanJobStep } from "./scan.ts";
import type { ListenWhat } from "./scan-input.ts";
import { isSerialName } from "./serial-name.ts";

/** As a scan's; nothing that it opens is ever written to. */
export interface ListenContext extends ScanContext {
  /** Whoever asks has rights of their own at this machine: any path will do as a port. */
  readonly anyPort?: boolean | undefined;
}

/** Listened to with each in turn: those that devices are delivered with. */
const usualLines = 8;
/** Devices that one job says; a line has 247. */
const mostFindings = 500;
const defaultProtocol = "modbus";

/** Where and how is listened. */
interface Place {
  readonly protocol: Protocol;
  readonly connection: unknown;
  /** Undefined: with the settings of the connection alone. */
  readonly lines: readonly unknown[] | undefined;
  readonly subject: string;
}

/**
 * Says what somebody else's traffic on a line tells, and at the end in a sentence what was heard. Sends nothing;
 * ends by itself after `what.seconds`. Throws ConfigError (`unknown-connection`, `cannot-listen`, `no-serial-port`),
 * LinkError, or the signal's reason.
 */
export async function* listenJob(
  what: ListenWhat,
  context: ListenContext,
  signal: AbortSignal,
): AsyncGenerator<ScanJobStep> {
  const { protocol, connection, lines, subject } = await placeOf(what, context);
  const { clock } = context;
  const profiles = (await context.profiles()).filter((profile) => profile.protocol === protocol.name);
  signal.throwIfAborted();
  const startedAt = clock.monotonic();
  const total = Math.ceil(what.seconds);
  const progress = (doing: Text): JobProgress => {
    const done = Math.min(total, Math.floor((clock.monotonic() - startedAt) / 1000));
    const { en, sv = en } = doing;
    return { done, total, leftS: total - done, doing: { en, sv } };
  };
  yield { progress: progress({ en: "listening", sv: "lyssnar" }) };
  let heard: Sums = { bytes: 0, whole: 0, skipped: 0, answers: 0 };
  const found = new Set<string>();
  const own: SouthboundContext = {
    ...context,
    connect: muted(context.connect),
    signal,
    emit: () => Promise.resolve(),
  };
  const input = { profiles, ms: what.seconds * 1000, ...(lines && { lines }) };
  for await (const step of protocol.listenIn?.(connection, input, own) ?? []) {
    signal.throwIfAborted();
    if (!("kind" in step)) {
      heard = step;
      yield { progress: progress(step.doing) };
      continue;
    }
    const key = JSON.stringify([step.kind, step.connection, "settings" in step && step.settings]);
    if (!found.has(key) && found.size >= mostFindings) continue;
    found.add(key);
    yield { finding: step };
  }
  const check: CheckDone = heardCheck(subject, heard, protocol.name, lines === undefined);
  yield { finding: check };
  yield { progress: { done: total, total, leftS: 0, doing: { en: "done", sv: "klar" } } };
}

async function placeOf(what: ListenWhat, context: ListenContext): Promise<Place> {
  const [protocols, connections] = await Promise.all([context.protocols(), context.connections()]);
  if (what.connection !== undefined) {
    const known = connections.find(({ id }) => id === what.connection);
    if (!known)
      throw new ConfigError(`gateway.yaml has no connection ${what.connection}`, {
        code: "unknown-connection",
      });
    const protocol = listenable(protocols, what.protocol ?? known.protocol);
    if (protocol.name !== known.protocol)
      throw new ConfigError(`${known.id} is a connection of ${known.protocol}`, { code: "cannot-listen" });
    return { protocol, connection: known.settings, lines: undefined, subject: known.id };
  }
  const { port = "" } = what;
  const isConfigured = connections.some(({ settings }) => portOf(settings) === port);
  if (!context.anyPort && !isConfigured && !isSerialName(port))
    throw new ConfigError(`${port} is no serial port`, {
      code: "no-serial-port",
      hint: "a name like /dev/serial/by-id/usb-..., /dev/ttyUSB0 or /dev/ttyAMA0",
    });
  const protocol = listenable(protocols, what.protocol ?? defaultProtocol);
  const connection = connectionAt(protocol, { port });
  if (connection === undefined)
    throw new ConfigError(`${protocol.name} has no serial ports`, { code: "cannot-listen" });
  const lines = protocol.lineSettings?.(connection).slice(0, usualLines);
  return { protocol, connection, lines, subject: port };
}

function listenable(protocols: readonly Protocol[], name: string): Protocol {
  const protocol = protocols.find((one) => one.name === name);
  if (protocol?.listenIn) return protocol;
  const others = protocols.filter(({ listenIn }) => listenIn).map((one) => one.name);
  throw new ConfigError(`traffic of ${name} cannot be overheard`, {
    code: "cannot-listen",
    hint: `what can be: ${others.join(", ")}`,
  });
}

function portOf(settings: unknown): unknown {
  if (typeof settings !== "object" || settings === null || !("endpoint" in settings)) return undefined;
  const { endpoint } = settings;
  return typeof endpoint === "object" && endpoint !== null && "port" in endpoint && !("host" in endpoint)
    ? endpoint.port
    : undefined;
}

/** Lines that cannot be written to: whoever tries has a bug, and it stays without consequence. */
function muted(connect: Connect): Connect {
  return async (endpoint, signal) => {
    const transport = await connect(endpoint, signal);
    const mute = async (): Promise<never> => {
      throw new TypeError("a line that is only listened to was to be written to");
    };
    const listening: Transport = {
      endpoint: transport.endpoint,
      lost: transport.lost,
      write: mute,
      receive: (receiver) => transport.receive(receiver),
      allowLate: () => transport.allowLate?.(),
      [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
    };
    return listening;
  };
}

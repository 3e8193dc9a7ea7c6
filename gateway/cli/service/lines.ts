import { realpathSync } from "node:fs";
import type { JobStep } from "../../commissioning/jobs.ts";
import type { ConnectionConfig } from "../../config/config.ts";
import type { Gateway } from "../../gateway.ts";
import type { Loan } from "../../lending.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Connect } from "../../transport/transport.ts";

/** The line that a job is to have alone. */
export interface JobLine {
  /** For people: the connection, the port, the host. */
  readonly subject: string;
  /** For `PreparedJob.lines`. */
  readonly keys: readonly string[];
  /** The connection of gateway.yaml that has it, to be borrowed; undefined where none has. */
  readonly connection?: ConnectionConfig | undefined;
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly tcpPort?: number | undefined;
}

/** What may be opened because somebody asks: never a watchdog, a disk, a console or any other file. */
const serialPort =
  /^(?:\/dev\/(?:serial\/[\w./:@-]+|tty[A-Za-z.][\w.-]*|pts\/\d+|rfcomm\d+|cu\.[\w.-]+)|COM\d+)$/;

/** Throws ConfigError with this code for a path that is no serial port, however it is called. */
export function refuseOtherFile(port: string, code: string, real = realPath): void {
  if (serialPort.test(real(port))) return;
  throw new ConfigError("that is no serial port", { code, hint: "GET /v1/ports has those that there are" });
}

/** A serial port by its own name: two names of one port are one line. */
export type RealPath = (path: string) => string;

const realPath: RealPath = (path) => {
  try {
    return realpathSync(path);
  } catch {
    // What is not there now may be later; opening it says so.
    return path;
  }
};

/**
 * Which line is meant by `{connection}`, `{port}` or `{host, tcpPort}`. A port or host that a connection of
 * gateway.yaml has is that connection. Throws ConfigError `unknown-connection` or `bad-job`.
 */
export function jobLine(
  gateway: Pick<Gateway, "config">,
  what: Readonly<Record<string, unknown>>,
  real = realPath,
): JobLine {
  const { connections } = gateway.config;
  const { connection: name, port, host, tcpPort = 502 } = what;
  if (typeof name === "string") {
    const connection = connections.get(name);
    if (!connection)
      throw new ConfigError(`no connection ${name.slice(0, 63)}`, {
        code: "unknown-connection",
        hint: `there are ${[...connections.keys()].join(", ")}`,
      });
    return { subject: name, keys: keysOf(connection, real), connection };
  }
  if (typeof port === "string") {
    const key = serialKey(port, real);
    const connection = [...connections.values()].find((one) => keysOf(one, real).includes(key));
    if (!connection) refuseOtherFile(port, "bad-job", real);
    const subject = connection?.name ?? port;
    return { subject, keys: connection ? keysOf(connection, real) : [key], connection, port };
  }
  if (typeof host === "string" && typeof tcpPort === "number") {
    const key = tcpKey(host, tcpPort);
    const connection = [...connections.values()].find((one) => keysOf(one, real).includes(key));
    const subject = connection?.name ?? `${host}:${tcpPort}`;
    return { subject, keys: connection ? keysOf(connection, real) : [key], connection, host, tcpPort };
  }
  throw new ConfigError("a job needs a connection, a port or a host", { code: "bad-job" });
}

/**
 * Does something on a line that nobody else uses meanwhile: a connection's loop is ended before and begun again
 * afterwards, whatever happens. What goes over the wire is seen by who looks at the connection's frames.
 * @param by who, for people
 */
export async function* onLine(
  gateway: Gateway,
  line: JobLine,
  { by, connect, signal }: { readonly by: string; readonly connect: Connect; readonly signal: AbortSignal },
  work: (connect: Connect, signal: AbortSignal, loan: Loan | undefined) => AsyncIterable<JobStep>,
): AsyncIterable<JobStep> {
  if (!line.connection) {
    yield* work(connect, signal, undefined);
    return;
  }
  const { name } = line.connection;
  await using loan = await gateway.lend(name, by);
  yield* work(gateway.frames.tap(name, connect), AbortSignal.any([signal, loan.signal]), loan);
}

/** What a connection has alone: its name, and its port or host where its settings name one. */
export function keysOf(
  { name, settings }: Pick<ConnectionConfig, "name" | "settings">,
  real: RealPath = realPath,
): readonly string[] {
  const { port, host } = placeIn(settings);
  const keys = [`connection ${name}`];
  if (typeof port === "string") keys.push(serialKey(port, real));
  if (typeof host === "string" && typeof port === "number") keys.push(tcpKey(host, port));
  return keys;
}

/** Port and host of a connection, which most protocols keep under `endpoint`. */
export function placeIn(settings: unknown): { readonly port?: unknown; readonly host?: unknown } {
  if (typeof settings !== "object" || settings === null) return {};
  const endpoint: unknown = Reflect.get(settings, "endpoint");
  const place = typeof endpoint === "object" && endpoint !== null ? endpoint : settings;
  return { port: Reflect.get(place, "port"), host: Reflect.get(place, "host") };
}

function serialKey(port: string, real: RealPath): string {
  return `serial ${real(port)}`;
}

function tcpKey(host: string, port: number): string {
  return `tcp ${host.toLowerCase()}:${port}`;
}

/** The serial ports of the running configuration. */
export function configuredPorts({ config }: Pick<Gateway, "config">) {
  return Array.from(config.connections.values()).flatMap(({ name, settings }) => {
    const { port } = placeIn(settings);
    return typeof port === "string" && port.startsWith("/") ? [{ connection: name, port }] : [];
  });
}

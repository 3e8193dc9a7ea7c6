import type { GatewayStatus } from "../../local/surface.ts";
import type { PortFacts } from "../../model/commissioning.ts";
import type { Job, JobKind } from "../../model/job.ts";
import { lineOf } from "./placement.ts";
import { foundIn } from "./steps.ts";

/** Something that devices hang on: a serial port, or a connection of gateway.yaml that has none. */
export interface Line {
  readonly key: string;
  readonly port?: PortFacts | undefined;
  readonly connection?: string | undefined;
  /** What a job is told. */
  readonly what: Readonly<Record<string, string>>;
}

/** Ports first, each with the connection that has it; then the connections that have none. */
export function linesOf(ports: readonly PortFacts[], status: GatewayStatus | undefined): readonly Line[] {
  const onPorts = ports.map(
    (port): Line => ({
      key: port.name,
      port,
      connection: port.connection,
      what: port.connection ? { connection: port.connection } : { port: port.name },
    }),
  );
  const others = (status?.connections ?? []).filter(
    ({ name }) => !ports.some(({ connection }) => connection === name),
  );
  return [
    ...onPorts,
    ...others.map(({ name }): Line => ({ key: name, connection: name, what: { connection: name } })),
  ];
}

const kinds: readonly JobKind[] = ["scan", "line-settings", "wiring", "listen"];

/** Jobs about this line, the oldest first. */
export function jobsOf({ port, connection }: Line, jobs: readonly Job[]): readonly Job[] {
  const names = [connection, port?.name, ...(port?.names ?? [])];
  return jobs.filter((job) => kinds.includes(job.kind) && namesOf(job).some((name) => names.includes(name)));
}

/** Jobs about places that are no line yet: hosts. */
export function otherJobs(lines: readonly Line[], jobs: readonly Job[]): readonly Job[] {
  const mine = new Set(lines.flatMap((line) => jobsOf(line, jobs).map(({ id }) => id)));
  return jobs.filter((job) => kinds.includes(job.kind) && !mine.has(job.id));
}

function namesOf(job: Job): readonly string[] {
  return [job.subject, ...foundIn(job).map(({ connection }) => lineOf(connection))];
}

/** Devices of a connection that do not answer. */
export function silentOn(connection: string | undefined, status: GatewayStatus | undefined): number {
  return (status?.devices ?? []).filter(
    (device) => device.connection === connection && device.problem !== undefined,
  ).length;
}

/** `9600 baud, 8N1`, `192.0.2.1:502`: how people write a line's settings. */
export function settingsText(connection: Readonly<Record<string, unknown>>): string {
  const serial = recordOf(connection.serial);
  if (!serial) return lineOf(connection);
  const { baud, parity = "none", dataBits = 8, stopBits = 1 } = serial;
  const letter = String(parity).slice(0, 1).toUpperCase();
  const framing =
    typeof connection.framing === "string" && connection.framing !== "rtu" ? `, ${connection.framing}` : "";
  return `${String(baud)} baud, ${String(dataBits)}${letter}${String(stopBits)}${framing}`;
}

/** `unit 3`: where a device is on its line. */
export function addressText(settings: Readonly<Record<string, unknown>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : undefined;
}

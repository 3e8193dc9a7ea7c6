import type { DeviceFound, PortFacts } from "../../model/commissioning.ts";

/** Where gateway.yaml puts a found device. */
export type Placement =
  | { readonly kind: "there"; readonly connection: string }
  | {
      readonly kind: "new";
      readonly connection: string;
      readonly settings: Readonly<Record<string, unknown>>;
    };

/** On the connection that has its line already, or on a new one. */
export function placementOf(
  found: Pick<DeviceFound, "protocol" | "connection">,
  subject: string,
  connections: readonly string[],
  ports: readonly PortFacts[],
): Placement {
  const line = lineOf(found.connection);
  const port = ports.find((one) => one.name === line || one.names.includes(line));
  if (port?.connection) return { kind: "there", connection: port.connection };
  if (connections.includes(subject)) return { kind: "there", connection: subject };
  const host = hostName(line);
  if (host && connections.includes(host)) return { kind: "there", connection: host };
  const { protocol, ...settings } = found.connection;
  return {
    kind: "new",
    connection: host ?? freeName(connections),
    settings: { protocol: protocol ?? found.protocol, ...settings },
  };
}

/** `net-192-0-2-17`, with the port unless it is the usual one: the same host always has the same name. */
function hostName(line: string): string | undefined {
  const [, host, port] = /^([^/\s]+):(\d+)$/.exec(line) ?? [];
  if (host === undefined) return undefined;
  return `net-${slug(host).slice(0, 50)}${port === "502" ? "" : `-${port}`}`;
}

function freeName(taken: readonly string[]): string {
  for (let number = 1; ; number++) if (!taken.includes(`line-${number}`)) return `line-${number}`;
}

/** Which line it is, whatever its speed: the port, or host and port. */
export function lineOf(connection: Readonly<Record<string, unknown>>): string {
  const port = inside(connection, "serial", "port");
  if (typeof port === "string") return port;
  const host = inside(connection, "tcp", "host");
  if (typeof host === "string") return `${host}:${String(inside(connection, "tcp", "port") ?? 502)}`;
  return JSON.stringify(sorted(connection));
}

export function inside(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const key of path)
    here = typeof here === "object" && here !== null ? Reflect.get(here, key) : undefined;
  return here;
}

/** What an id can have of a text. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .replace(/æ/g, "ae")
    .replace(/ø/g, "o")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

/** With its keys in order: the same text for the same settings. */
export function sorted(record: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

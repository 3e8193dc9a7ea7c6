import * as z from "zod";
import type { Endpoint } from "../transport/transport.ts";

// What gateway.yaml says about where a line is, the same words for every protocol. Inputs stay
// plain, so that JSON Schema can show them (`io: "input"`).

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000 };

/** `20`, `"20ms"` or `"1.5s"` as milliseconds. */
export const milliseconds = z
  .union([z.number().min(0).max(600_000), z.string().regex(/^\d{1,6}(\.\d{1,3})?(ms|s)$/)], {
    error: "write milliseconds as a number, or a text such as 20ms or 1.5s",
  })
  .transform((written) => {
    if (typeof written === "number") return written;
    const [, amount = "0", unit = "ms"] = /^([\d.]+)(ms|s)$/.exec(written) ?? [];
    return Number(amount) * (unitMs[unit] ?? 1);
  })
  .meta({ description: "Milliseconds, or a text with a unit: 20ms, 1.5s." });

type Serial = Extract<Endpoint, { kind: "serial" }>;
type Tcp = Extract<Endpoint, { kind: "tcp" }>;

/** What a line has when gateway.yaml does not say: a protocol's or an instrument family's custom. */
export interface EndpointDefaults {
  /** Without one, gateway.yaml must say the baud rate. */
  readonly baud?: number | undefined;
  readonly parity?: Serial["parity"] | undefined;
  readonly dataBits?: Serial["dataBits"] | undefined;
  readonly stopBits?: Serial["stopBits"] | undefined;
  /** Without one, gateway.yaml must say the TCP port. */
  readonly port?: number | undefined;
}

const portNumber = z.int().min(1).max(65_535);
const baudRate = z.int().min(300).max(4_000_000);

/** `serial:` and `tcp:` of a connection, for a protocol's own strict object. */
export function endpointFields(defaults: EndpointDefaults = {}) {
  const { baud, parity = "none", dataBits = 8, stopBits = 1, port } = defaults;
  return {
    serial: z
      .strictObject({
        port: z.string().min(1).meta({ description: "A stable name, e.g. /dev/serial/by-id/usb-..." }),
        baud: baud === undefined ? baudRate : baudRate.default(baud),
        parity: z.enum(["none", "even", "odd"]).default(parity),
        dataBits: z.union([z.literal(7), z.literal(8)]).default(dataBits),
        stopBits: z.union([z.literal(1), z.literal(2)]).default(stopBits),
      })
      .optional(),
    tcp: z
      .strictObject({
        host: z.string().min(1).max(253),
        port: port === undefined ? portNumber : portNumber.default(port),
      })
      .optional(),
  };
}

interface WrittenEndpoint {
  readonly serial?: Omit<Serial, "kind"> | undefined;
  readonly tcp?: Omit<Tcp, "kind"> | undefined;
}

/** What is wrong with the two together, or undefined. */
export function endpointProblem(written: WrittenEndpoint): string | undefined {
  return (written.serial === undefined) === (written.tcp === undefined)
    ? "a connection has either serial or tcp"
    : undefined;
}

/** The endpoint of a connection without `endpointProblem`. */
export function endpointOf({ serial, tcp }: WrittenEndpoint): Endpoint {
  return serial
    ? { kind: "serial", ...serial }
    : { kind: "tcp", host: tcp?.host ?? "", port: tcp?.port ?? 0 };
}

/** Milliseconds that one character takes on the wire; 0 behind TCP, where nobody knows. */
export function characterMs(endpoint: Endpoint): number {
  if (endpoint.kind === "tcp") return 0;
  const { baud, dataBits, parity, stopBits } = endpoint;
  return ((1 + dataBits + (parity === "none" ? 0 : 1) + stopBits) * 1000) / baud;
}

import { stringify } from "yaml";
import type { DeviceProfile } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import { record } from "../../profiles/import/fields.ts";
import type { LoadedProfile } from "../../profiles/load.ts";
import type { Protocol } from "../../southbound/protocol.ts";
import { parsed, settingsOf } from "./line.ts";

export interface PlacementOptions {
  readonly pty?: string;
  readonly device?: string;
  readonly connection?: string;
  readonly unit?: string;
}

/** A simulated device and its line: as gateway.yaml would write them, and as the protocol reads that. */
export interface Placement {
  readonly device: Readonly<Record<string, unknown>>;
  /** What gateway.yaml says of the line, besides where it is. */
  readonly line: Readonly<Record<string, unknown>>;
  readonly settings: unknown;
  readonly connection: unknown;
}

/** Where a simulated device can be reached. */
export type Where = { readonly port: number; readonly host: string } | { readonly pty: string };

/** What a serial line has where neither a protocol nor a profile says. */
const usualBaud = 9600;
const hint = "--device and --connection say what gateway.yaml would: address=5, framing=rtu";

/** Throws ConfigError for settings that the protocol does not take. */
export function placementOf(
  { examples }: LoadedProfile,
  protocol: Protocol,
  options: PlacementOptions,
): Placement {
  const said = { ...settingsOf(options.device), ...unitOf(options.unit) };
  const device =
    Object.keys(said).length > 0
      ? said
      : record(examples.find((one) => one.device !== undefined)?.device ?? protocol.sample?.device);
  const written = settingsOf(options.connection);
  const whole =
    options.pty === undefined
      ? { ...written, tcp: { host: "simulated", port: 1 } }
      : usualSerial(protocol, written, options.pty);
  const line = Object.fromEntries(Object.entries(whole).filter(([key]) => key !== "serial" && key !== "tcp"));
  return {
    device,
    line,
    settings: parsed("the device", protocol.device, device, hint),
    connection: parsed("the line", protocol.connection, whole, hint),
  };
}

/**
 * A serial line as the protocol's standard has it, or with the usual baud rate where it says nothing. A
 * pseudo terminal makes no break: where a line needs one, an adapter is played.
 */
export function usualSerial(
  { connection }: Protocol,
  line: Readonly<Record<string, unknown>>,
  port: string,
): Readonly<Record<string, unknown>> {
  const serial = { port };
  const candidates = [{ serial, break: "adapter" }, { serial }].map((one) => ({ ...one, ...line }));
  const fits = candidates.find((one) => connection.safeParse(one).success);
  return fits ?? { ...line, serial: { ...serial, baud: usualBaud } };
}

function unitOf(text: string | undefined): { readonly unit?: number } {
  if (text === undefined) return {};
  const unit = Number(text);
  if (Number.isInteger(unit) && unit >= 0 && unit <= 255) return { unit };
  throw new ConfigError(`--unit ${text}: not a unit id`, { code: "bad-option", hint: "0 to 255" });
}

/** What gateway.yaml says to read it. */
export function snippet(
  { protocol, id }: DeviceProfile,
  where: Where,
  { device, line, connection }: Placement,
): string {
  const place =
    "pty" in where
      ? { serial: serialOf(connection, where.pty) }
      : { tcp: { host: where.host, port: where.port } };
  return `connections:
  simulated: ${flow({ protocol, ...place, ...line })}
devices:
  simulated-1: ${flow({ profile: id, connection: "simulated", ...device, audience: "open" })}
`;
}

/** All that is not what everybody takes for granted: 8 data bits, no parity, one stop bit. */
function serialOf(connection: unknown, port: string): Readonly<Record<string, unknown>> {
  const { baud, parity, dataBits, stopBits } = record(record(connection).endpoint);
  return {
    port,
    baud,
    ...(parity === "none" ? {} : { parity }),
    ...(dataBits === 8 ? {} : { dataBits }),
    ...(stopBits === 1 ? {} : { stopBits }),
  };
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 }).trim();
}

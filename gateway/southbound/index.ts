import type { Protocol } from "./protocol.ts";

/** A protocol before its code is loaded. */
export interface ProtocolEntry {
  /** The word in `protocol:` of profiles and connections; the same as of what `load` gives. */
  readonly name: string;
  load(): Promise<Protocol>;
}

/**
 * Every protocol there is. Each is loaded when it is asked for: a gateway with one Modbus line must
 * not pay for the code and schemas of six others.
 */
export const protocols: readonly ProtocolEntry[] = [
  { name: "modbus", load: async () => (await import("./modbus/protocol.ts")).modbus },
  { name: "serial-line", load: async () => (await import("./serial-line/protocol.ts")).serialLine },
  { name: "serial-frame", load: async () => (await import("./serial-frame/protocol.ts")).serialFrame },
  { name: "smart-meter", load: async () => (await import("./smart-meter/protocol.ts")).smartMeter },
  { name: "mbus", load: async () => (await import("./mbus/protocol.ts")).mbus },
  { name: "nmea", load: async () => (await import("./nmea/protocol.ts")).nmea },
  { name: "lorawan", load: async () => (await import("./lorawan/protocol.ts")).lorawan },
  { name: "sdi12", load: async () => (await import("./sdi12/protocol.ts")).sdi12 },
];

/** The code of every protocol, or of those that `wanted` takes. */
export function loadProtocols(
  wanted: (entry: ProtocolEntry) => boolean = () => true,
): Promise<readonly Protocol[]> {
  return Promise.all(protocols.filter(wanted).map((entry) => entry.load()));
}

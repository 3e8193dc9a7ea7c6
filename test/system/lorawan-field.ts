import type { EndDeviceSettings } from "../../simulators/lorawan/end-device.ts";
import type { Network, UplinkRecord } from "../../simulators/lorawan/events.ts";
import type { PlatformReading } from "../../simulators/platform.ts";

/** Each uplink says a number of its own, counted over all sessions: what came twice or never shows. */
export const numberedProfile = `profile: test/numbered
version: 1.0.0
title: Numbered uplinks
manufacturer: Test
models: [N]
category: climate
sources: [{document: made for the tests}]
status: draft
protocol: lorawan
lorawan:
  payload:
    endian: big
    fields:
      - {name: number, type: u32}
      - {name: temperature, type: s16}
points:
  number: {at: {field: number}, unit: count}
  temperature: {at: {field: temperature}, unit: Cel, scale: 0.1}
  gap: {at: {link: fcnt_gap}, unit: count}
  rssi: {at: {link: rssi}, unit: dBm}
`;

export const devEuiOf = (index: number): string => `a81758fffe05${String(index).padStart(4, "0")}`;

/** Devices \`sensor-0\`, \`sensor-1\`, ... of the profile. */
export function numberedDevices(count: number, everyMs?: number): EndDeviceSettings[] {
  return Array.from({ length: count }, (_, index) => {
    let number = 0;
    return {
      devEui: devEuiOf(index),
      name: `Sensor ${index}`,
      model: { profile: "Numbered", brand: "test", model: "numbered" },
      everyMs,
      payload: () => {
        const bytes = Buffer.alloc(6);
        bytes.writeUInt32BE(number++, 0);
        bytes.writeInt16BE(index - 50, 4);
        return { fPort: 2, bytes: Uint8Array.from(bytes) };
      },
    };
  });
}

export interface LoraConfiguration {
  readonly connection: string;
  readonly city: string;
  readonly devices: number;
  readonly more?: string;
}

/** A gateway.yaml with the devices on one network server. */
export function loraConfiguration({ connection, city, devices, more = "" }: LoraConfiguration): string {
  const lines = Array.from(
    { length: devices },
    (_, index) =>
      `  sensor-${index}: {profile: test/numbered, connection: lora, devEui: "${devEuiOf(index)}", audience: open}`,
  );
  return `gateway: {id: gw-lora, pen: 32474}
profiles: [device-profiles]
connections:
  lora: ${connection}
devices:
${lines.join("\n")}
northbound: {city: {type: mqtt, url: "${city}"}}
storage: {folder: store, maxBytes: 200MB}
telemetry: {maxAge: 200ms}
${more}`;
}

/** \`<device index> <number>\` of an uplink. */
export const markOf = ({ devEui, payload }: UplinkRecord): string =>
  `${Number(devEui.slice(-4))} ${Number.parseInt(payload.slice(0, 8), 16)}`;

/** The same of a reading of the point \`number\`; undefined for others. */
export function markOfReading({ name, value }: PlatformReading): string | undefined {
  const [, device] = /-sensor-(\d+):number$/.exec(name) ?? [];
  return device === undefined ? undefined : `${device} ${Number(value)}`;
}

/** How often each uplink's number came. */
export function tally(readings: readonly PlatformReading[]): Map<string, number> {
  const seen = new Map<string, number>();
  for (const reading of readings) {
    const mark = markOfReading(reading);
    if (mark !== undefined) seen.set(mark, (seen.get(mark) ?? 0) + 1);
  }
  return seen;
}

/** Uplinks that the broker has for sure. */
export function acknowledged(network: Network): UplinkRecord[] {
  return network.uplinks.filter((uplink) => uplink.acknowledged > 0);
}

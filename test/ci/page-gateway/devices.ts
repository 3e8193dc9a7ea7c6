import type { Device } from "../../../gateway/model/device.ts";
import { loadProfile } from "../../../gateway/profiles/load.ts";
import { loadProtocols } from "../../../gateway/southbound/index.ts";

// Devices for tests of the page: a street lamp with one point of each kind.

const lamp = `profile: test/lamp
version: 1.2.0
title: {en: Street lamp, sv: Gatlykta}
manufacturer: Test
models: [L-20]
category: lighting
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  level: {title: {en: Light level, sv: Ljusnivå}, at: {holding: 0}, unit: "%", range: [0, 100], class: fast, write: {range: [0, 100], step: 1}}
  mode: {title: {en: Mode, sv: Läge}, at: {holding: 6}, values: {0: {en: "off", sv: av}, 1: {en: "on", sv: på}, 2: {en: automatic, sv: automatiskt}}, class: fast, write: {}}
  barrier: {title: {en: Barrier, sv: Bom}, at: {coil: 1}, class: fast, write: {confirm: two-step, expiry: {max: 30s}}}
  voltage: {title: {en: Voltage, sv: Spänning}, at: {input: 10}, scale: 0.1, unit: V, range: [200, 250], class: fast}
  power: {title: {en: Power, sv: Effekt}, at: {input: 11}, unit: W, range: [0, 150], class: fast}
  energy: {title: {en: Energy, sv: Energi}, at: {input: 12, type: u32}, unit: Wh, kind: counter, class: fast}
  temperature: {title: {en: Temperature, sv: Temperatur}, at: {input: 14, type: s16}, scale: 0.1, unit: Cel, class: fast}
  faults: {title: {en: Faults, sv: Fel}, at: {input: 15}, bits: {0: door, 3: fire}, class: fast}
`;

export async function deviceOf(
  id: string,
  text: string,
  title?: Device["title"],
  connection = "roof",
): Promise<Device> {
  const protocols = await loadProtocols(({ name }) => name === "modbus");
  const name = /profile: (\S+)/.exec(text)?.[1] ?? "";
  const bases = { ids: [name], find: () => undefined };
  const { profile, diagnostics } = loadProfile(text, `device-profiles/${name}.yaml`, protocols, bases);
  if (!profile) throw new Error(JSON.stringify(diagnostics));
  return {
    id,
    title,
    profile,
    connection,
    settings: { unit: 1 },
    urn: `urn:dev:ops:32474-gw-${id}:`,
    audience: "restricted",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

export const lampDevice = (id: string, title: Device["title"], connection?: string) =>
  deviceOf(id, lamp, title, connection);

/** A device with so many numbers, `p0000` and on: more than a file of a profile may hold. */
export async function manyDevice(id: string, count: number): Promise<Device> {
  const device = await lampDevice(id, { en: id });
  const like = device.profile.points.find(({ name }) => name === "voltage");
  if (!like) throw new Error("the lamp has no voltage");
  const points = Array.from({ length: count }, (_, index) => ({
    ...like,
    name: `p${String(index).padStart(4, "0")}`,
    title: undefined,
  }));
  return { ...device, profile: { ...device.profile, points } };
}

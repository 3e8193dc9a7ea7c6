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

const head = `version: 1.0.0
manufacturer: Test
models: [X]
category: energy-meter
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:`;
const meter = `title: {en: Meter, sv: Mätare}
${head}
  voltage_l1: {title: {en: Voltage L1, sv: Spänning L1}, at: {input: 0}, unit: V, class: fast}
  voltage_l2: {title: {en: Voltage L2, sv: Spänning L2}, at: {input: 1}, unit: V, class: fast}
  frequency: {title: {en: Frequency, sv: Frekvens}, at: {input: 2}, unit: Hz, class: fast}
  power: {title: {en: Power, sv: Effekt}, at: {input: 3}, unit: W, class: fast}
`;
const relay = `title: {en: Relay board, sv: Reläkort}
${head}
  k1: {title: {en: Relay 1, sv: Relä 1}, at: {coil: 0}, class: fast, write: {}}
  lock: {title: {en: Door lock, sv: Dörrlås}, at: {holding: 1}, values: {0: {en: locked, sv: låst}, 1: {en: open, sv: öppet}}, class: fast, write: {confirm: two-step, expiry: {max: 30s}}}
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

/** A meter of this profile, a relay board with a lock. */
export const meterDevice = (id: string, profile: string, connection: string) =>
  deviceOf(id, `profile: ${profile}\n${meter}`, undefined, connection);
export const relayDevice = (id: string, profile: string, connection: string) =>
  deviceOf(id, `profile: ${profile}\n${relay}`, undefined, connection);

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

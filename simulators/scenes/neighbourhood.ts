import type { UnitSettings } from "../modbus/device.ts";
import { openModbusServer } from "../modbus/server.ts";
import { openPty } from "../pty.ts";
import { after, type Wire } from "../wire.ts";
import type { CityConnection, CityDevice } from "./city.ts";
import { counter, hourOfDay, type Nature, wanderer } from "./nature.ts";
import type { Quarter } from "./street.ts";

// What else the example flows of Node-RED are about: charging points, presence radars and a rain gauge.

export interface NeighbourhoodOptions {
  readonly nature: Nature;
  /** Where the links of the serial lines shall lie, each with a suffix; by default in temporary folders. */
  readonly link?: string | undefined;
  /** Between two frames of a radar. The real one: 100 ms. */
  readonly radarEveryMs?: number | undefined;
}

/** Address of a charging point, as its maker sets it. */
const chargerUnit = 255;

/** Three charging points, two presence radars and a rain gauge, each on a line of its own. */
export async function openNeighbourhood({
  nature,
  link,
  radarEveryMs = 1000,
}: NeighbourhoodOptions): Promise<Quarter> {
  await using stack = new AsyncDisposableStack();
  const connections: CityConnection[] = [];
  const devices: CityDevice[] = [];
  for (const number of [1, 2, 3]) {
    const id = `charger-${number}`;
    const unit = chargingPoint(nature, 4_000_000 + number * 100_000, 0.4 + number * 0.1);
    const { port } = stack.use(
      await openModbusServer({ listen: { tcp: 0 }, units: { [chargerUnit]: unit } }),
    );
    connections.push({ id, protocol: "modbus", settings: { tcp: { host: "127.0.0.1", port } } });
    const where = `charging point ${number} of the town hall's garage`;
    devices.push({ id, model: "keba/p30", connection: id, settings: { unit: chargerUnit }, where });
  }
  const line = (name: string, protocol: string, baud: number): Wire => {
    const pty = stack.use(openPty({ link: link === undefined ? undefined : `${link}-${name}` }));
    connections.push({ id: `${name}-line`, protocol, settings: { serial: { port: pty.path, baud } } });
    return pty;
  };
  const radars = [
    { id: "street-presence", where: "lamp post of lamp-1, on Götgatan", away: 0.7 },
    { id: "flat-presence", where: "flat with remote care", away: 0.3 },
  ];
  for (const { id, where, away } of radars) {
    stack.use(attachRadar(line(id, "serial-frame", 256_000), nature, away, radarEveryMs));
    devices.push({ id, model: "hi-link/ld2410", connection: `${id}-line`, settings: {}, where });
  }
  attachRainGauge(line("tunnel-rain", "serial-line", 9600), nature);
  devices.push({
    id: "tunnel-rain",
    model: "hydreon/rg-15",
    connection: "tunnel-rain-line",
    settings: {},
    where: "roof of the road tunnel's pump house",
  });
  const closing = stack.move();
  return { connections, devices, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}

const words = (value: number): number[] => [Math.trunc(value / 65_536) & 0xffff, Math.trunc(value) & 0xffff];

/**
 * A KeContact P30 (Modbus TCP Programmers Guide 1.07) with a car at it for `share` of every ten minutes: it takes what
 * 5004 (mA) allows, at most 16 A a phase, and nothing while 5014 is 0.
 */
function chargingPoint(nature: Nature, serial: number, share: number): UnitSettings {
  const energy = counter(nature, 1_843_000);
  const volts = wanderer(nature, 230, { pull: 0.1, push: 1 });
  let session = { from: 0, of: -1 };
  return {
    registers: { holding: { 5004: 16_000, 5014: 1, 5018: 0 } },
    scene: (registers) => {
      const tenth = nature.now() / 600_000 + serial / 1e6;
      const hasCar = tenth - Math.floor(tenth) < share;
      const allowed = registers.get("holding", 5014) !== 0;
      const limit = registers.get("holding", 5004);
      const milliAmperes = hasCar && allowed ? Math.min(limit, 16_000) * (0.99 + nature.random() * 0.01) : 0;
      const volt = volts(230);
      const watts = (3 * volt * milliAmperes) / 1000;
      const total = energy(watts);
      if (session.of !== Math.floor(tenth)) session = { from: total, of: Math.floor(tenth) };
      const set = (address: number, value: number) =>
        registers.set("holding", address, words(Math.round(value)));
      set(1000, hasCar ? (allowed ? 3 : 5) : 1);
      set(1004, hasCar ? 7 : 1);
      set(1006, 0);
      for (const address of [1008, 1010, 1012]) set(address, milliAmperes);
      set(1016, 310_000);
      set(1020, watts * 1000);
      set(1036, total * 10);
      for (const address of [1040, 1042, 1044]) set(address, volt);
      set(1500, 0);
      set(1502, (total - session.from) * 10);
      set(1602, registers.get("holding", 5018));
    },
  };
}

/** An LD2410 (serial protocol V1.02, section 2.3.2, basic report): nobody is there for `away` of the time, by minutes. */
function attachRadar(wire: Wire, nature: Nature, away: number, everyMs: number): Disposable {
  let timer: Disposable | undefined;
  let minute = -1;
  let present = true;
  const say = () => {
    const now = Math.floor(nature.now() / 30_000);
    if (now !== minute) present = minute === -1 || nature.random() >= away;
    minute = now;
    const moving = present && nature.random() < 0.5;
    const state = present ? (moving ? 3 : 2) : 0;
    const far = present ? 90 + Math.floor(nature.random() * 120) : 0;
    const distance = [far & 0xff, far >> 8];
    const none = [0, 0, 0];
    const body = [
      state,
      ...(moving ? [...distance, 70] : none),
      ...(present ? [...distance, 100] : none),
      ...distance,
    ];
    const head = [0xf4, 0xf3, 0xf2, 0xf1, 0x0d, 0x00, 0x02, 0xaa];
    wire.send(Uint8Array.from([...head, ...body, 0x55, 0x00, 0xf8, 0xf7, 0xf6, 0xf5]));
    timer = after(everyMs, say);
  };
  timer = after(everyMs, say);
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

/** An RG-15 that is polled (`R`), in millimetres: a shower of twenty minutes every three hours. */
function attachRainGauge(wire: Wire, nature: Nature): void {
  const fallen = counter(nature, 12.375);
  let polled = fallen(0);
  let event = polled;
  let held = "";
  wire.receive((chunk) => {
    held = (held + Buffer.from(chunk).toString("latin1")).slice(-100);
    for (let end = held.indexOf("\n"); end >= 0; end = held.indexOf("\n")) {
      const command = held.slice(0, end).trim();
      held = held.slice(end + 1);
      if (command !== "R") continue;
      const intensity = hourOfDay(nature.now()) % 3 < 1 / 3 ? 4 + nature.random() * 2 : 0;
      const total = fallen(intensity);
      if (intensity === 0) event = total;
      const shown = [total - polled, total - event, total, intensity].map((value) => value.toFixed(3));
      polled = total;
      const [acc, shower, all, rate] = shown;
      wire.send(
        Buffer.from(
          `Acc ${acc} mm, EventAcc ${shower} mm, TotalAcc ${all} mm, RInt ${rate} mmph\r\n`,
          "latin1",
        ),
      );
    }
  });
}

import type { EndDeviceSettings, Frame } from "../lorawan/end-device.ts";
import { bell, counter, hourOfDay, isDark, type Nature, wanderer } from "./nature.ts";

// What LoRaWAN devices of a city say, each in its maker's published payload format.

const minute = 60_000;

type Payload = EndDeviceSettings["payload"];

/** How busy the streets are, 0..1. */
function bustle(time: number): number {
  const hour = hourOfDay(time);
  return Math.min(1, 0.03 + 0.6 * bell(hour, 12.5, 3) + 0.8 * bell(hour, 17, 2.5) + 0.3 * bell(hour, 21, 2));
}

const low16 = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff];
const high16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const frame = (fPort: number, bytes: readonly number[]): Frame => ({ fPort, bytes: Uint8Array.from(bytes) });

/** Milesight EM400-MUD: channel and type before each value, little endian. */
export function wasteBin(nature: Nature): Payload {
  const air = wanderer(nature, 12, { pull: 1 / 3600, push: 2 });
  const thrown = counter(nature, 0);
  let emptiedAt = 0;
  let day = Math.floor(nature.now() / 86_400_000);
  return ({ time }) => {
    // Half full on a usual day; emptied in the early morning.
    const waste = thrown(55 * bustle(time));
    const today = Math.floor((time - 5 * 3_600_000) / 86_400_000);
    if (today !== day) emptiedAt = waste;
    day = today;
    const distance = Math.round(Math.max(120, 1000 - (waste - emptiedAt) * 1.5));
    const temperature = Math.round(air(9 + 6 * bell(hourOfDay(time), 15, 5)) * 10);
    return frame(85, [
      0x01,
      0x75,
      91,
      0x03,
      0x67,
      ...low16(temperature),
      0x04,
      0x82,
      ...low16(distance),
      0x05,
      0x00,
      0x00,
    ]);
  };
}

/** Bosch parking lot sensor: a change on port 1, a heartbeat with the temperature on port 2. */
export function parkingSpace(nature: Nature): Payload {
  let occupied = false;
  return ({ time, random }) => {
    const wanted = bustle(time);
    const changes = random() < (occupied ? 0.15 : 0.05 + 0.4 * wanted);
    if (changes) occupied = !occupied;
    const temperature = Math.round(8 + 5 * bell(hourOfDay(time), 15, 5) + nature.random());
    return changes ? frame(1, [occupied ? 1 : 0]) : frame(2, [occupied ? 1 : 0, temperature & 0xff]);
  };
}

/** Milesight EM500-SWL: the water over the probe in centimetres. */
export function waterLevel(nature: Nature): Payload {
  const level = wanderer(nature, 85, { pull: 1 / 7200, push: 25 });
  return () => frame(85, [0x01, 0x75, 96, 0x03, 0x77, ...low16(Math.round(Math.max(5, level(85))))]);
}

/** IMBUILDINGS people counter, type 2 variant 6: since the last uplink and in all, both ways, big endian. */
export function peopleCounter(nature: Nature, devEui: string): Payload {
  const inwards = counter(nature, 1500);
  const outwards = counter(nature, 1480);
  let before: readonly [number, number] = [1500, 1480];
  return ({ time, fCnt }) => {
    const total = [
      Math.floor(inwards(180 * bustle(time))),
      Math.floor(outwards(180 * bustle(time - 20 * minute))),
    ] as const;
    const [a, b] = [total[0] - before[0], total[1] - before[1]];
    before = total;
    return frame(26, [
      0x02,
      0x06,
      ...Buffer.from(devEui, "hex"),
      // Status, and the battery in hundredths of a volt.
      0x00,
      ...high16(301),
      ...high16(a),
      ...high16(b),
      0x00,
      ...high16(total[0] & 0xffff),
      ...high16(total[1] & 0xffff),
      fCnt & 0xff,
    ]);
  };
}

/** ELSYS ERS CO2: a type before each value, big endian. */
export function roomClimate(nature: Nature): Payload {
  const temperature = wanderer(nature, 20.5, { pull: 1 / 1800, push: 0.8 });
  const humidity = wanderer(nature, 38, { pull: 1 / 3600, push: 5 });
  const carbon = wanderer(nature, 450, { pull: 1 / 900, push: 60 });
  return ({ time, random }) => {
    const hour = hourOfDay(time);
    const lesson = hour > 8 && hour < 15;
    const light = isDark(time) && !lesson ? 2 : 380 + Math.round(random() * 40);
    return frame(5, [
      0x01,
      ...high16(Math.round(temperature(lesson ? 22 : 20) * 10)),
      0x02,
      Math.round(Math.min(95, Math.max(15, humidity(lesson ? 42 : 36)))),
      0x04,
      ...high16(light),
      0x05,
      lesson ? Math.floor(random() * 40) : 0,
      0x06,
      ...high16(Math.round(Math.max(400, carbon(lesson ? 950 : 430)))),
      0x07,
      ...high16(3640),
    ]);
  };
}

/**
 * NAS UL20xx luminaire controller (firmware 1.1), class C: dimmed on port 60 (01, then address and percent
 * in pairs), which it repeats as its answer; its status on port 23 tells what it shines with, and why.
 */
export function streetLamp(nature: Nature): Pick<EndDeviceSettings, "payload" | "onDownlink"> {
  const broadcast = 0xfe;
  /** DALI short address 1. */
  const driver = 0x02;
  let manual: number | undefined;
  let answer: readonly number[] | undefined;
  return {
    onDownlink: ({ fPort, bytes }) => {
      const [command, address, level = 0xff] = bytes;
      if (fPort !== 60 || command !== 0x01 || bytes.length !== 3) return undefined;
      if (address !== broadcast && address !== driver) return undefined;
      // FF gives it back to the calendar.
      if (level > 100 && level !== 0xff) return undefined;
      manual = level === 0xff ? undefined : level;
      answer = [...bytes];
      return 2000;
    },
    payload: ({ time }) => {
      if (answer) {
        const said = frame(60, answer);
        answer = undefined;
        return said;
      }
      const level = manual ?? (isDark(time) ? 80 : 0);
      const reason = manual === undefined ? (isDark(time) ? 0x22 : 0x21) : 0xfd;
      const epoch = Math.floor(time / 1000);
      const mcu = Math.round(18 + level / 10 + nature.random() * 2);
      const state = [reason, level, level > 0 ? 0x04 : 0x00];
      return frame(23, [
        0x01,
        ...low16(epoch & 0xffff),
        ...low16(Math.floor(epoch / 0x10000)),
        // Relay closed, no outputs; downlinks come with -71 dBm and 8 dB; no alerts, no sensors.
        0x10,
        0x00,
        71,
        8,
        mcu,
        0x00,
        0x00,
        broadcast,
        ...state,
        driver,
        ...state,
      ]);
    },
  };
}

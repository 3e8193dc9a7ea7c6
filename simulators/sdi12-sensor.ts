import { type After, after as realAfter, type Wire } from "./wire.ts";

/** One measurement of a simulated sensor, by its command without address: M, M1, C, V, R0. */
export interface SensorMeasure {
  /** As it writes them: "+1.23". */
  readonly values: readonly string[];
  /** What it says that it needs, in seconds; 0 = ready at once. Not for R. */
  readonly seconds?: number;
  /** What it really needs, in ms; `seconds` unless given. */
  readonly readyMs?: number;
  /** Default: the service request is sent when the values are ready (M and V with seconds above 0). */
  readonly serviceRequest?: boolean;
}

export interface Sdi12SensorSettings {
  readonly address: string;
  /** Eight, six, three and up to thirteen characters. */
  readonly identity?: { vendor: string; model: string; version: string; serial?: string };
  readonly measures: Readonly<Record<string, SensorMeasure>>;
  /** Most characters of values in one response: 35, or 75 for C, unless given. */
  readonly pageCharacters?: number;
  /** From the last character of a command to the first of the response, ms. */
  readonly turnaroundMs?: number;
  /** Whether it sleeps until a break comes (call `wake`). Default false, as behind an adapter that makes the break. */
  readonly sleeps?: boolean;
}

/** What goes wrong with the next response; each is used up by one response. */
export type SensorFault = "silent" | "bad-crc" | "bad-parity" | "other-address" | "cut";

export interface Sdi12Sensor {
  /** Commands that it understood, oldest first. */
  readonly commands: readonly string[];
  /** A break on the line. */
  wake(): void;
  fault(...next: SensorFault[]): void;
  set(measure: string, values: readonly string[]): void;
}

/** A sensor stays awake for so long after a break or a command, ms (SDI-12 v1.4, 7.0). */
const awakeMs = 100;
/** Ten bits at 1200 baud. */
const characterMs = 10_000 / 1200;

/** A sensor on a wire that carries the characters of SDI-12. Independent of the gateway. */
export function openSdi12Sensor(
  wires: Wire,
  settings: Sdi12SensorSettings,
  after: After = realAfter,
): Sdi12Sensor {
  return openSdi12Line(wires, [settings], after)[0]!;
}

/** Several sensors on one line; each hears everything. */
export function openSdi12Line(
  wire: Wire,
  sensors: readonly Sdi12SensorSettings[],
  after: After = realAfter,
): Sdi12Sensor[] {
  const made = sensors.map((settings) => createSensor(wire, settings, after));
  let heard = "";
  wire.receive((chunk) => {
    for (const byte of chunk) {
      heard = (heard + String.fromCharCode(byte)).slice(-32);
      if (byte !== 0x21) continue;
      const command = /([0-9A-Za-z?][0-9A-Z]*)!$/.exec(heard)?.[1];
      heard = "";
      if (command !== undefined) for (const sensor of made) sensor.take(command);
    }
  });
  return made;
}

function createSensor(wire: Wire, settings: Sdi12SensorSettings, after: After) {
  const { address, measures, turnaroundMs = 10 } = settings;
  const values = new Map(Object.entries(measures).map(([name, measure]) => [name, measure.values]));
  const commands: string[] = [];
  const faults: SensorFault[] = [];
  let pages: string[] = [];
  let checked = false;
  let awake = !settings.sleeps;
  let sleep: Disposable | undefined;
  let service: Disposable | undefined;

  /** `busyMs`: what it says itself takes that long. */
  const stayAwake = (busyMs = 0): void => {
    if (!settings.sleeps) return;
    awake = true;
    sleep?.[Symbol.dispose]();
    sleep = after(busyMs + awakeMs, () => {
      awake = false;
    });
  };

  const say = (body: string, withCrc = false): void => {
    const fault = faults.shift();
    if (fault === "silent") return;
    let text = withCrc ? body + checksum(body) : body;
    if (fault === "bad-crc") text = text.slice(0, -1) + (text.endsWith("@") ? "A" : "@");
    if (fault === "other-address") text = (address === "9" ? "8" : "9") + text.slice(1);
    if (fault === "cut") text = text.slice(0, -2);
    const bytes = Buffer.from(`${text}\r\n`, "latin1");
    if (fault === "bad-parity") bytes[1] = bytes[1]! ^ 0x80;
    after(turnaroundMs, () => {
      stayAwake(bytes.length * characterMs);
      wire.send(bytes);
    });
  };

  const paged = (name: string, list: readonly string[]): string[] => {
    const most = settings.pageCharacters ?? (name.startsWith("C") ? 75 : 35);
    const result: string[] = [];
    for (const value of list) {
      const last = result.at(-1);
      if (last !== undefined && last.length + value.length <= most) result[result.length - 1] = last + value;
      else result.push(value);
    }
    return result;
  };

  const start = (name: string, measure: SensorMeasure, withCrc: boolean): void => {
    const list = values.get(name) ?? [];
    const { seconds = 0, readyMs = seconds * 1000 } = measure;
    const concurrent = name.startsWith("C");
    const ready = (): void => {
      pages = paged(name, list);
      checked = withCrc;
    };
    pages = [];
    checked = withCrc;
    const count = String(list.length).padStart(concurrent ? 2 : 1, "0");
    say(`${address}${String(seconds).padStart(3, "0")}${count}`);
    if (seconds === 0) ready();
    else
      service = after(readyMs, () => {
        ready();
        if (!concurrent && measure.serviceRequest !== false) say(address);
      });
  };

  const take = (command: string): void => {
    if (!awake) return;
    if (command[0] !== address && command !== "?") return;
    stayAwake();
    commands.push(command);
    // Any command ends a measurement that is under way.
    service?.[Symbol.dispose]();
    const body = command.slice(1);
    if (body === "") say(address);
    else if (body === "I") say(address + identityText(settings));
    else if (/^D\d$/.test(body)) say(address + (pages[Number(body[1])] ?? ""), checked);
    else {
      const withCrc = body.indexOf("C", 1) > 0;
      const name = withCrc ? body[0]! + body.slice(2) : body;
      const measure = measures[name];
      if (!measure) return;
      if (name.startsWith("R")) say(address + (values.get(name) ?? []).join(""), withCrc);
      else start(name, measure, withCrc);
    }
  };

  return {
    commands,
    take,
    wake: () => stayAwake(),
    fault: (...next: SensorFault[]) => void faults.push(...next),
    set: (name: string, list: readonly string[]) => void values.set(name, list),
  };
}

function identityText({ identity }: Sdi12SensorSettings): string {
  const {
    vendor,
    model,
    version,
    serial = "",
  } = identity ?? {
    vendor: "STADSNOD",
    model: "SIM",
    version: "001",
  };
  return `14${vendor.padEnd(8).slice(0, 8)}${model.padEnd(6).slice(0, 6)}${version.padEnd(3).slice(0, 3)}${serial.slice(0, 13)}`;
}

/** CRC-16 with the polynomial 0x8005, bits reversed, six bits to a character. By a table, to differ from the gateway's. */
const table = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value % 2 === 1 ? Math.floor(value / 2) ^ 0xa001 : value / 2;
  return value;
});

function checksum(text: string): string {
  const crc = Array.from(text).reduce(
    (sum, character) => (sum >> 8) ^ table[(sum ^ character.charCodeAt(0)) & 0xff]!,
    0,
  );
  return [crc >> 12, (crc >> 6) & 63, crc & 63].map((part) => String.fromCharCode(part + 64)).join("");
}

import type { After, Wire } from "./wire.ts";
import { after as realTime } from "./wire.ts";

// M-Bus meters on one line, written from EN 13757-2 and -3 on their own: they know frames only as far
// as a meter has to. What several of them say at once is one garbled answer, as on the wire, where a
// space (0) of one meter covers the marks (1) of the others.

/** One meter. Records are bytes of the application layer, data information blocks and all. */
export interface MbusMeter {
  readonly address: number;
  /** Eight digits. */
  readonly id: string;
  /** Three capital letters. */
  readonly manufacturer: string;
  readonly version: number;
  readonly medium: number;
  readonly status?: (() => number) | undefined;
  /** Records of each telegram, asked for anew whenever the first one is sent. */
  readonly telegrams: () => readonly (readonly number[])[];
}

export interface MbusLineOptions {
  readonly after?: After | undefined;
  /** From the end of a request to the answer, ms. */
  readonly delayMs?: number | undefined;
  /** Bytes per chunk of an answer; all at once unless given. */
  readonly chunk?: number | undefined;
  /** Whether the converter sends back what it gets. */
  readonly echo?: boolean | undefined;
  /** Answers that get lost: called with the number of the answer, from 1. */
  readonly loses?: ((answer: number) => boolean) | undefined;
  /** The meters sleep until they have heard so many 55, and then stay awake. */
  readonly wakeBytes?: number | undefined;
}

export interface MbusLine {
  /** What the master sent, whole frames as hexadecimal text. */
  readonly heard: readonly string[];
  readonly answers: number;
}

interface MeterState {
  readonly meter: MbusMeter;
  selected: boolean;
  /** Frame count bit of the last request; undefined after an initialisation. */
  count: number | undefined;
  /** Number of the telegram that was sent last. */
  place: number;
  records: readonly (readonly number[])[];
  access: number;
  /** What was sent last, for a repeated request. */
  last: number[] | undefined;
}

/** Puts meters on a wire. */
export function attachMeters(
  wire: Wire,
  meters: readonly MbusMeter[],
  options: MbusLineOptions = {},
): MbusLine {
  const { after = realTime, delayMs = 20, chunk, echo = false, loses, wakeBytes = 0 } = options;
  const states = meters.map(
    (meter): MeterState => ({
      meter,
      selected: false,
      count: undefined,
      place: 0,
      records: [],
      access: 0,
      last: undefined,
    }),
  );
  const heard: string[] = [];
  let answers = 0;
  let buffer: number[] = [];
  let woken = wakeBytes === 0;
  let preamble = 0;

  const say = (answer: readonly number[]) => {
    answers++;
    if (loses?.(answers)) return;
    const step = chunk ?? answer.length;
    for (let from = 0; from < answer.length; from += step)
      wire.send(Uint8Array.from(answer.slice(from, from + step)));
  };

  const frame = (bytes: readonly number[]) => {
    heard.push(Buffer.from(bytes).toString("hex"));
    if (!woken) return;
    const spoken = states.map((state) => reply(state, bytes)).filter((answer) => answer !== undefined);
    const answer = garbled(spoken);
    if (answer) after(delayMs, () => say(answer));
  };

  wire.receive((bytes) => {
    if (echo) wire.send(bytes.slice());
    for (const byte of bytes) {
      preamble = byte === 0x55 ? preamble + 1 : preamble;
      if (wakeBytes > 0 && preamble >= wakeBytes) woken = true;
      buffer.push(byte);
      buffer = cut(buffer, frame);
    }
  });

  return {
    heard,
    get answers() {
      return answers;
    },
  };
}

/** Hands on every whole frame and keeps what may still become one. */
function cut(buffer: number[], take: (frame: readonly number[]) => void): number[] {
  let rest = buffer;
  while (rest.length > 0) {
    const [start, length = 0] = rest;
    const size = start === 0x10 ? 5 : start === 0x68 ? (rest.length < 2 ? 6 : length + 6) : 0;
    if (size === 0) {
      rest = rest.slice(1);
      continue;
    }
    if (rest.length < size) return rest;
    const frame = rest.slice(0, size);
    if (isGood(frame)) {
      take(frame);
      rest = rest.slice(size);
    } else rest = rest.slice(1);
  }
  return rest;
}

function isGood(frame: readonly number[]): boolean {
  const first = frame[0] === 0x10 ? 1 : 4;
  const body = frame.slice(first, -2);
  return frame.at(-1) === 0x16 && frame.at(-2) === body.reduce((sum, byte) => (sum + byte) % 256, 0);
}

/** What a meter answers, or undefined when it is silent. */
function reply(state: MeterState, frame: readonly number[]): number[] | undefined {
  const long = frame[0] === 0x68;
  const control = frame[long ? 4 : 1] ?? 0;
  const address = frame[long ? 5 : 2] ?? 0;
  const { meter } = state;
  if (long && address === 253 && frame[6] === 0x52) {
    state.selected = isMeant(meter, frame.slice(7, 15));
    if (!state.selected) return undefined;
    restart(state);
    return [0xe5];
  }
  const mine = address === meter.address || address === 254 || (address === 253 && state.selected);
  if (!mine) return undefined;
  if (control === 0x40) {
    restart(state);
    if (address === 253) state.selected = false;
    return [0xe5];
  }
  if (long) {
    if (frame[6] === 0x50) restart(state);
    return [0xe5];
  }
  if ((control & 0xdf) !== 0x5b) return undefined;
  const count = control & 0x20;
  if (count === state.count && state.last) return state.last;
  const begins = state.count === undefined || state.place + 1 >= state.records.length;
  state.count = count;
  state.place = begins ? 0 : state.place + 1;
  if (begins) state.records = meter.telegrams();
  state.access = (state.access + 1) % 256;
  state.last = telegram(state);
  return state.last;
}

function restart(state: MeterState): void {
  state.count = undefined;
  state.last = undefined;
}

/** Whether selection bytes (id, manufacturer, version, medium) name this meter; F and FF name everything. */
function isMeant(meter: MbusMeter, wanted: readonly number[]): boolean {
  const mine = identity(meter);
  return wanted.every((byte, index) => {
    const own = mine[index] ?? 0;
    if (index >= 4)
      return index < 6
        ? (wanted[4] === 0xff && wanted[5] === 0xff) || byte === own
        : byte === 0xff || byte === own;
    const high = byte >> 4;
    const low = byte % 16;
    return (high === 15 || high === own >> 4) && (low === 15 || low === own % 16);
  });
}

function identity({ id, manufacturer, version, medium }: MbusMeter): number[] {
  const [a = 0, b = 0, c = 0] = Array.from(manufacturer, (letter) => letter.charCodeAt(0) - 64);
  const code = a * 1024 + b * 32 + c;
  const digits = [6, 4, 2, 0].map((at) => Number.parseInt(id.slice(at, at + 2), 16));
  return [...digits, code % 256, Math.floor(code / 256), version, medium];
}

function telegram(state: MeterState): number[] {
  const { meter, records, place, access } = state;
  const more = place + 1 < records.length ? [0x1f] : [];
  const body = [
    0x08,
    meter.address,
    0x72,
    ...identity(meter),
    access,
    meter.status?.() ?? 0,
    0,
    0,
    ...(records[place] ?? []),
    ...more,
  ];
  const sum = body.reduce((total, byte) => (total + byte) % 256, 0);
  return [0x68, body.length, body.length, 0x68, ...body, sum, 0x16];
}

/**
 * What answers that overlap make of each other; undefined: nobody spoke. No two meters take equally
 * long to answer: each begins a character after the one before.
 */
function garbled(spoken: readonly number[][]): number[] | undefined {
  if (spoken.length === 0) return undefined;
  const longest = Math.max(...spoken.map(({ length }, late) => length + late));
  return Array.from({ length: longest }, (_, at) =>
    spoken.reduce((line, answer, late) => line & (answer[at - late] ?? 0xff), 0xff),
  );
}

/** `value` as digits, two a byte, lowest first; a negative one has F as its first digit. */
export function bcd(value: number, bytes: number): number[] {
  const digits = String(Math.abs(value))
    .padStart(2 * bytes, "0")
    .slice(-2 * bytes);
  const text = value < 0 ? `F${digits.slice(1)}` : digits;
  return Array.from({ length: bytes }, (_, index) =>
    Number.parseInt(text.slice(text.length - 2 * index - 2, text.length - 2 * index), 16),
  );
}

/** `value` in two's complement, lowest byte first. */
export function int(value: number, bytes: number): number[] {
  let rest = value < 0 ? value + 256 ** bytes : value;
  return Array.from({ length: bytes }, () => {
    const byte = rest % 256;
    rest = Math.floor(rest / 256);
    return byte;
  });
}

export interface HeatScene {
  readonly energyKwh: number;
  readonly volumeLitres: number;
  readonly powerW: number;
  readonly flowLitresPerHour: number;
  readonly supplyC: number;
  readonly returnC: number;
  readonly lastMonthKwh: number;
}

/** A district heating meter that needs two telegrams: values of now, and those of the last month. */
export function heatMeter(who: Omit<MbusMeter, "telegrams" | "medium">, scene: () => HeatScene): MbusMeter {
  return {
    ...who,
    medium: 4,
    telegrams: () => {
      const now = scene();
      return [
        [
          ...[0x0c, 0x78, ...bcd(Number(who.id), 4)],
          ...[0x04, 0x06, ...int(now.energyKwh, 4)],
          ...[0x0c, 0x13, ...bcd(now.volumeLitres, 4)],
          ...[0x04, 0x2b, ...int(now.powerW, 4)],
          ...[0x0b, 0x3b, ...bcd(now.flowLitresPerHour, 3)],
          ...[0x02, 0x59, ...int(Math.round(now.supplyC * 100), 2)],
          ...[0x02, 0x5d, ...int(Math.round(now.returnC * 100), 2)],
          ...[0x02, 0x61, ...int(Math.round((now.supplyC - now.returnC) * 100), 2)],
        ],
        [
          // 30 June 2026 23:59, type F.
          ...[0x44, 0x6d, 59, 23, 0x5e, 0x36],
          ...[0x44, 0x06, ...int(now.lastMonthKwh, 4)],
        ],
      ];
    },
  };
}

import { type After, after as realAfter, type Wire } from "./wire.ts";

/** What the air is like: micrograms per cubic metre. */
export interface Air {
  readonly pm25: number;
  readonly pm10: number;
}

export interface PmSensorSettings {
  readonly id?: number | undefined;
  /** Milliseconds between two frames while it works. The real one: 1000. */
  readonly everyMs?: number | undefined;
  /** The air, or a function that gives it frame by frame. */
  readonly air?: Air | ((frame: number) => Air) | undefined;
  /** Whether it works when it gets power, as the real one does. */
  readonly works?: boolean | undefined;
  /** Frames after each start that say nothing but zeros, while the fan speeds up. */
  readonly blankFrames?: number | undefined;
  /** Every so many frames one goes out with a wrong checksum; never unless given. */
  readonly damagedEvery?: number | undefined;
  /** Bytes of noise before each frame. */
  readonly noise?: Uint8Array | undefined;
  readonly after?: After | undefined;
}

export interface PmSensor extends Disposable {
  /** Connects it to a line: it gets power. */
  attach(wire: Wire): void;
  /** Whole commands with a good checksum, in order: their bytes as hex. */
  readonly commands: readonly string[];
  readonly works: boolean;
  /** Frames that went out, damaged ones included. */
  readonly frames: number;
}

const commandBytes = 19;

/**
 * A fine dust sensor of the SDS011's kind (control protocol V1.3): while it works it sends AA C0 frames
 * by itself; AA B4 commands set its reporting mode (02), ask for data (04), set work or sleep (06) and
 * the working period (08), each answered by an AA C5 frame (data by AA C0).
 */
export function createPmSensor({
  id = 0xa1b2,
  everyMs = 1000,
  air = { pm25: 12.3, pm10: 34.5 },
  works: atPower = true,
  blankFrames = 0,
  damagedEvery,
  noise = new Uint8Array(),
  after = realAfter,
}: PmSensorSettings = {}): PmSensor {
  const commands: string[] = [];
  let wire: Wire | undefined;
  let works = false;
  let asked = false;
  let frames = 0;
  let blanks = 0;
  let timer: Disposable | undefined;
  let held: number[] = [];

  const send = (bytes: readonly number[]) => wire?.send(Uint8Array.from(bytes));
  /** Ten bytes: AA, kind, six of data, their sum, AB. */
  const frame = (kind: number, data: readonly number[]): number[] => [
    0xaa,
    kind,
    ...data,
    data.reduce((sum, byte) => sum + byte, 0) & 0xff,
    0xab,
  ];
  const idBytes = [id >> 8, id & 0xff];
  const low = (value: number) => [value & 0xff, value >> 8];
  const data = () => {
    const blank = blanks > 0;
    if (blank) blanks--;
    const now = typeof air === "function" ? air(frames) : air;
    const words = blank ? [0, 0] : [Math.round(now.pm25 * 10), Math.round(now.pm10 * 10)];
    const bytes = frame(0xc0, [...words.flatMap(low), ...idBytes]);
    frames++;
    if (damagedEvery !== undefined && frames % damagedEvery === 0) bytes[8] = bytes[8]! ^ 0x10;
    send([...noise, ...bytes]);
  };
  const tick = () => {
    timer?.[Symbol.dispose]();
    timer = undefined;
    if (!works || !wire) return;
    timer = after(everyMs, () => {
      if (!asked) data();
      tick();
    });
  };
  const work = (on: boolean) => {
    if (on && !works) blanks = blankFrames;
    works = on;
    tick();
  };
  const answer = (command: readonly number[]) => {
    const [, , what = 0, set = 0, value = 0] = command;
    const reply = (...bytes: number[]) => send(frame(0xc5, [what, ...bytes, ...idBytes].slice(0, 6)));
    if (what === 0x06) {
      if (set === 1) work(value === 1);
      reply(set, works ? 1 : 0, 0);
    } else if (!works) return;
    else if (what === 0x02) {
      if (set === 1) asked = value === 1;
      reply(set, asked ? 1 : 0, 0);
    } else if (what === 0x04) data();
    else if (what === 0x08) reply(set, value, 0);
  };
  const receive = (chunk: Uint8Array) => {
    held.push(...chunk);
    for (;;) {
      const start = held.findIndex((byte, index) => byte === 0xaa && (held[index + 1] ?? 0xb4) === 0xb4);
      held = start < 0 ? [] : held.slice(start);
      if (held.length < commandBytes) return;
      const command = held.slice(0, commandBytes);
      const sum = command.slice(2, 17).reduce((total, byte) => total + byte, 0) & 0xff;
      if (command[18] !== 0xab || command[17] !== sum) {
        held = held.slice(1);
        continue;
      }
      held = held.slice(commandBytes);
      commands.push(Buffer.from(command).toString("hex"));
      answer(command);
    }
  };
  return {
    commands,
    get works() {
      return works;
    },
    get frames() {
      return frames;
    },
    attach(next) {
      wire = next;
      next.receive(receive);
      work(atPower);
    },
    [Symbol.dispose]() {
      wire = undefined;
      timer?.[Symbol.dispose]();
    },
  };
}

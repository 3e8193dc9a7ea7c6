import type { LineSettings } from "../line.ts";

/** Bits as a transmitter puts them on the line, from the first start bit on; `1` is mark. */
export interface Waveform {
  readonly startMs: number;
  readonly bitMs: number;
  readonly bits: Uint8Array;
  readonly endMs: number;
}

/** One character as a receiver made it out. */
export interface Sampled {
  readonly byte: number;
  /** Middle of its first stop bit, ms. */
  readonly at: number;
  /** There was no stop bit where one should be. */
  readonly framing: boolean;
  readonly parity: boolean;
  /** Space from the start bit to the stop bit. */
  readonly isBreak: boolean;
}

/** What a receiver looks at. Must say the same whenever it is asked about the same moment. */
export interface Level {
  at(ms: number): 0 | 1;
  /** The level of `ms` stays until then for certain; `ms` itself where nothing is certain. */
  steadyUntil(ms: number): number;
}

/** Start bit, data with the lowest bit first, parity, stop bits, one character after the other. */
export function waveform(bytes: Uint8Array, settings: LineSettings, startMs: number): Waveform {
  const { baud, dataBits = 8, parity = "none", stopBits = 1 } = settings;
  const bits: number[] = [];
  for (const byte of bytes) {
    bits.push(0);
    let ones = 0;
    for (let bit = 0; bit < dataBits; bit++) {
      const level = (byte >> bit) & 1;
      ones += level;
      bits.push(level);
    }
    if (parity !== "none") bits.push((ones & 1) ^ (parity === "even" ? 0 : 1));
    for (let stop = 0; stop < stopBits; stop++) bits.push(1);
  }
  const bitMs = 1000 / baud;
  return { startMs, bitMs, bits: Uint8Array.from(bits), endMs: startMs + bits.length * bitMs };
}

/** The bit on the line at a moment, undefined before and after. */
export function bitAt({ startMs, bitMs, bits }: Waveform, ms: number): number | undefined {
  const index = Math.floor((ms - startMs) / bitMs);
  return index < 0 ? undefined : bits[index];
}

/** Parts of a bit at which a receiver looks for edges. */
const oversampling = 16;

export interface ReceiverOptions {
  /**
   * After a character without a stop bit: wait for mark before the next start bit (most), or take the
   * missing stop bit for the next start bit (16550: data sheet of the PC16550D, 8.4 LSR bit 3).
   */
  readonly resync?: "mark" | "start" | undefined;
}

/**
 * A UART's receiver: finds a start bit with 16 looks per bit, takes the majority of three looks in the
 * middle of every bit, and looks at one stop bit only, whatever is set.
 */
export class UartReceiver {
  readonly #options: ReceiverOptions;
  #bitMs: number;
  #dataBits: number;
  #parity: "none" | "even" | "odd";
  /** Looked at so far. */
  #at: number;
  #last: 0 | 1 = 1;

  constructor(settings: LineSettings, startMs: number, options: ReceiverOptions = {}) {
    this.#options = options;
    this.#at = startMs;
    this.#bitMs = 1000 / settings.baud;
    this.#dataBits = settings.dataBits ?? 8;
    this.#parity = settings.parity ?? "none";
  }

  /** Opened again with other settings: what stood half in the receiver is lost. */
  configure(settings: LineSettings, nowMs: number): void {
    this.#at = Math.max(this.#at, nowMs);
    this.#last = 1;
    this.#bitMs = 1000 / settings.baud;
    this.#dataBits = settings.dataBits ?? 8;
    this.#parity = settings.parity ?? "none";
  }

  /** Nothing before this is looked at again, ms. */
  get position(): number {
    return this.#at - this.#bitMs;
  }

  /** Characters that are complete at `toMs`. */
  advance(level: Level, toMs: number): Sampled[] {
    const found: Sampled[] = [];
    const step = this.#bitMs / oversampling;
    const bits = 1 + this.#dataBits + (this.#parity === "none" ? 0 : 1) + 1;
    while (this.#at < toMs) {
      const now = level.at(this.#at);
      if (this.#last === 0 || now === 1) {
        this.#last = now;
        const steady = level.steadyUntil(this.#at);
        this.#at = Math.max(this.#at + step, Math.min(steady, toMs));
        continue;
      }
      // A character that is not whole yet is looked at again from its start bit.
      if (this.#at + bits * this.#bitMs > toMs) return found;
      if (this.#majority(level, this.#at + this.#bitMs / 2) !== 0) {
        this.#last = 1;
        this.#at += step;
        continue;
      }
      found.push(this.#character(level, bits));
    }
    return found;
  }

  #character(level: Level, bits: number): Sampled {
    const start = this.#at;
    const middle = (bit: number): number => start + (bit + 0.5) * this.#bitMs;
    let byte = 0;
    let ones = 0;
    for (let bit = 0; bit < this.#dataBits; bit++) {
      const value = this.#majority(level, middle(1 + bit));
      byte |= value << bit;
      ones += value;
    }
    let parity = false;
    if (this.#parity !== "none") {
      const value = this.#majority(level, middle(1 + this.#dataBits));
      ones += value;
      parity = (ones & 1) !== (this.#parity === "even" ? 0 : 1);
    }
    const stop = this.#majority(level, middle(bits - 1));
    if (stop === 0 && this.#options.resync === "start") {
      this.#at = start + (bits - 1) * this.#bitMs;
      this.#last = 1;
    } else {
      this.#at = middle(bits - 1);
      this.#last = stop;
    }
    const isBreak = stop === 0 && ones === 0;
    // A break is one character, then nothing until the line was at mark, in every kind of receiver.
    if (isBreak) {
      this.#at = middle(bits - 1);
      this.#last = 0;
    }
    return { byte, at: middle(bits - 1), framing: stop === 0, parity, isBreak };
  }

  #majority(level: Level, ms: number): 0 | 1 {
    const step = this.#bitMs / oversampling;
    return level.at(ms - step) + level.at(ms) + level.at(ms + step) >= 2 ? 1 : 0;
  }
}

/**
 * What a Linux program reads of characters when its port is opened as node-serialport does: raw,
 * IGNPAR without INPCK. A character with a parity or framing error then comes as its data bits were
 * sampled (drivers/tty/n_tty.c, n_tty_receive_parity_error: IGNPAR counts only with INPCK;
 * drivers/tty/serial/8250/8250_port.c: without INPCK the error bits are masked off), and a break,
 * without IGNBRK, BRKINT and PARMRK, as one 0x00 (n_tty_receive_break).
 */
export function asLinuxReads(characters: readonly Sampled[]): Uint8Array {
  return Uint8Array.from(characters, ({ byte, isBreak }) => (isBreak ? 0 : byte));
}

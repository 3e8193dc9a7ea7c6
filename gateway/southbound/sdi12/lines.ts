import type { Deframer } from "../exchange.ts";
import { longestLine } from "./codec.ts";

/** One line from the wire, without its end. */
export interface SensorLine {
  readonly text: string;
  /** Not the printable characters that a response is made of, or no proper end. */
  readonly damaged: boolean;
}

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
/** A recorder's command that comes back as an echo stands before the response. */
const longestEcho = 16;

/** Lines that end with CR LF. What a break leaves behind (NUL) before a line is dropped. */
export class LineDeframer implements Deframer<SensorLine> {
  readonly statistics = { lines: 0, "damaged-lines": 0, "too-long": 0 };
  readonly #bytes = new Uint8Array(longestLine + longestEcho);
  #length = 0;
  #tooLong = false;

  push(chunk: Uint8Array): SensorLine[] {
    const lines: SensorLine[] = [];
    for (const byte of chunk) {
      if (byte === lineFeed) {
        const line = this.#end();
        if (line) lines.push(line);
      } else if (byte === 0 && this.#length === 0) continue;
      else if (this.#length < this.#bytes.length) this.#bytes[this.#length++] = byte;
      else this.#tooLong = true;
    }
    return lines;
  }

  reset(): void {
    this.#length = 0;
    this.#tooLong = false;
  }

  #end(): SensorLine | undefined {
    const tooLong = this.#tooLong;
    const ended = this.#bytes[this.#length - 1] === carriageReturn && this.#length > 0;
    const body = this.#bytes.subarray(0, Math.max(0, ended ? this.#length - 1 : this.#length));
    const text = String.fromCharCode(...body);
    this.reset();
    if (tooLong) {
      this.statistics["too-long"]++;
      return undefined;
    }
    const damaged = !ended || !/^[\x20-\x7e]*$/.test(text);
    this.statistics[damaged ? "damaged-lines" : "lines"]++;
    return { text, damaged };
  }
}

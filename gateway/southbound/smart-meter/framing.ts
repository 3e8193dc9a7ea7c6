import { ConfigError } from "../../model/errors.ts";
import type { Deframer } from "../exchange.ts";
import { HdlcDeframer } from "./dlms/hdlc-deframer.ts";
import { MbusDeframer } from "./dlms/mbus-deframer.ts";
import { TelegramDeframer } from "./p1/deframer.ts";
import type { MeterDevice, MeterHead } from "./settings.ts";

/** Telegrams of a P1 port, or contents of DLMS frames. */
export function deframerOf(head: MeterHead): Deframer<Uint8Array> {
  if (head.codec === "p1") return new TelegramDeframer(head.crc);
  return head.framing === "mbus" ? new MbusDeframer() : new HdlcDeframer();
}

function nameOf(head: MeterHead): string {
  return head.codec === "p1" ? `p1, crc ${head.crc}` : `dlms in ${head.framing}`;
}

/** The deframer of whoever is on the line. While nobody is, bytes are dropped and counted. */
export class MeterDeframer implements Deframer<Uint8Array> {
  /** The longest of the framings: `quiet` only gives up what no byte completes. */
  readonly quietMs = 1000;
  #framing: string | undefined;
  #deframer: Deframer<Uint8Array> | undefined;
  #dropped = 0;

  /** Throws ConfigError `mixed-framings`: one port has one meter, however many profiles read it. */
  listen(devices: readonly MeterDevice[]): void {
    const [first, ...others] = devices.map(({ profile }) => profile.protocolSettings);
    const framing = first && nameOf(first);
    const other = others.find((head) => nameOf(head) !== framing);
    if (other)
      throw new ConfigError(`the meters of one port speak differently: ${framing}, ${nameOf(other)}`, {
        code: "mixed-framings",
        hint: "one port has one meter: give all its devices profiles of one kind",
      });
    if (framing === this.#framing) return;
    this.#framing = framing;
    this.#deframer = first && deframerOf(first);
  }

  push(chunk: Uint8Array, at: number): readonly Uint8Array[] {
    if (!this.#deframer) this.#dropped += chunk.length;
    return this.#deframer?.push(chunk, at) ?? [];
  }

  quiet(at: number): readonly Uint8Array[] {
    return this.#deframer?.quiet?.(at) ?? [];
  }

  get statistics(): Readonly<Record<string, number>> {
    const unheard = this.#dropped > 0 ? { "unheard-bytes": this.#dropped } : {};
    return { ...this.#deframer?.statistics, ...unheard };
  }
}

import { ConfigError } from "../../model/errors.ts";
import type { Deframer } from "../exchange.ts";
import type { Refusal } from "../protocol.ts";
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

  /** One port has one meter, however many profiles read it: returns those that speak otherwise than the first. */
  listen(devices: readonly MeterDevice[]): readonly Refusal[] {
    const [first] = devices;
    const head = first?.profile.protocolSettings;
    const framing = head && nameOf(head);
    if (framing !== this.#framing) {
      this.#framing = framing;
      this.#deframer = head && deframerOf(head);
    }
    return devices.flatMap((device): Refusal[] => {
      const other = nameOf(device.profile.protocolSettings);
      if (framing === undefined || other === framing) return [];
      const message = `it speaks otherwise than ${first?.id} on the same port: ${other}, not ${framing}`;
      const hint = "one port has one meter: give all its devices profiles of one kind";
      return [{ device, error: new ConfigError(message, { code: "mixed-framings", hint }) }];
    });
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

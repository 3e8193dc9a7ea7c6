import { crc16Arc } from "../../codec/crc.ts";
import type { Turn } from "../protocol.ts";
import { TelegramDeframer } from "./p1/deframer.ts";
import { crcDigits, endOf } from "./p1/telegram.ts";
import type { MeterGiven } from "./schema.ts";

/**
 * What was heard, as an example has it: of P1 the last whole telegram as text, of DLMS everything in
 * hex. Equipment identifiers of a telegram become zeros, under a checksum of its new content: they
 * name a household, and examples are public.
 */
export function recordMeter(dialogue: readonly Turn[]): MeterGiven {
  const heard = Buffer.concat(dialogue.map(({ received }) => received));
  const deframer = new TelegramDeframer("optional");
  const telegram = [...deframer.push(heard), ...deframer.quiet()].at(-1);
  return { rx: telegram ? masked(telegram) : heard.toString("hex") };
}

const equipmentId = /^(\d+-\d+:(?:96\.1|42\.0)\.\d+(?:\*\d+)?\()([^)]*)/gm;

function masked(telegram: Uint8Array): string {
  const end = endOf(telegram, 0);
  const digits = crcDigits(telegram, end);
  const text = Buffer.from(telegram.subarray(0, end + 1)).toString("latin1");
  // The hex digits of the character 0 stay a text in hex digits.
  const plain = text.replace(equipmentId, (_, head: string, id: string) =>
    id.length % 2 === 0 ? head + "30".repeat(id.length / 2) : head + "0".repeat(id.length),
  );
  const crc = crc16Arc(Buffer.from(plain, "latin1")).toString(16).toUpperCase().padStart(4, "0");
  return `${plain}${digits > 0 ? crc : ""}`.replace(/\r\n/g, "\n");
}

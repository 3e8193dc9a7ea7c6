import { FormatError } from "../../../codec/format-error.ts";
import { type DlmsData, DlmsReader } from "./data.ts";

const dataNotification = 0x0f;
const dateTimeBytes = 12;
const octetString = 9;

export interface Notification {
  /** 12 bytes of the meter's clock, where it sends them. */
  readonly time: Uint8Array | undefined;
  readonly body: DlmsData;
}

/** The APDU of a link layer's content: HDLC puts E6 E7 00 or E6 E6 00 before it (IEC 62056-46, LLC). */
export function withoutLlc(content: Uint8Array): Uint8Array {
  return hasLlc(content) ? content.subarray(3) : content;
}

/** Whether the header of the link layer stands first, as it does in the first segment of a content alone. */
export function hasLlc(content: Uint8Array): boolean {
  return content[0] === 0xe6 && (content[1] === 0xe7 || content[1] === 0xe6) && content[2] === 0x00;
}

/**
 * A data-notification (IEC 62056-5-3): tag 0F, invoke id and priority, the time or none, one value.
 * Pure. Throws FormatError `unknown-apdu`, `truncated`, `trailing-bytes` and those of the data.
 */
export function decodeNotification(apdu: Uint8Array): Notification {
  const reader = new DlmsReader(apdu);
  const tag = reader.byte();
  if (tag !== dataNotification)
    throw new FormatError(`0x${tag.toString(16).padStart(2, "0")} is no data-notification (0x0f)`, {
      code: "unknown-apdu",
    });
  reader.take(4);
  const time = timeOf(reader);
  const body = reader.data();
  if (reader.left > 0)
    throw new FormatError(`${reader.left} bytes follow what was understood`, { code: "trailing-bytes" });
  return { time, body };
}

/** Length and bytes; Kaifa writes the tag of an octet string before them. */
function timeOf(reader: DlmsReader): Uint8Array | undefined {
  if (reader.peek() === octetString) reader.byte();
  const length = reader.length();
  if (length === 0) return undefined;
  if (length !== dateTimeBytes) throw new FormatError(`a time of ${length} bytes`, { code: "bad-length" });
  return reader.take(length);
}

import type { SimulatedDevice, SimulationInput } from "../protocol.ts";
import { MbusDeframer } from "./deframer.ts";
import {
  ackByte,
  encodeLong,
  type Frame,
  frameCountBit,
  isResponse,
  type LongFrame,
  lookAt,
  requestUserData2,
  selectedAddress,
  sendInitialise,
  sendUserData,
  testAddress,
} from "./frame.ts";
import { givenSchema } from "./schema.ts";
import { matches } from "./secondary.ts";
import type { MbusConnection, MbusDevice, SecondaryAddress } from "./settings.ts";
import { decodeTelegram, manufacturerCode, manufacturerLetters } from "./telegram.ts";

const longHeader = 0x72;
const applicationReset = 0x50;
const selection = 0x52;
const acknowledge = Uint8Array.of(ackByte);

/**
 * A meter with the telegrams of the profile's first example, under the address of the settings: the
 * secondary one stands in the telegram's header as well.
 */
export function simulateMbus(
  _profile: unknown,
  { given, settings }: SimulationInput<MbusConnection, MbusDevice>,
): SimulatedDevice {
  const telegrams = telegramsOf(given[0]).map((frame) => addressed(frame, settings));
  const deframer = new MbusDeframer();
  let selected = false;
  /** Frame count bit of the request that was answered last; undefined at the beginning. */
  let counted: number | undefined;
  let next = 0;
  const restart = () => {
    counted = undefined;
    next = 0;
  };
  const isMine = (address: number): boolean =>
    address === testAddress ||
    (address === selectedAddress ? selected : address === (settings.address ?? telegrams[0]?.address));
  const reply = (frame: Frame): Uint8Array | undefined => {
    if (frame.kind === "ack") return undefined;
    const { control, address } = frame;
    const command = control & ~frameCountBit;
    if (frame.kind === "long" && address === selectedAddress && frame.information === selection) {
      selected = isMeant(frame.data, telegrams[0]);
      restart();
      return selected ? acknowledge : undefined;
    }
    if (!isMine(address)) return undefined;
    if (command === sendInitialise) {
      if (address === selectedAddress) selected = false;
      restart();
      return acknowledge;
    }
    if (frame.kind === "long" && command === sendUserData) {
      if (frame.information === applicationReset) restart();
      return acknowledge;
    }
    if (command !== requestUserData2 || telegrams.length === 0) return undefined;
    const bit = control & frameCountBit;
    if (bit !== counted && counted !== undefined) next = (next + 1) % telegrams.length;
    counted = bit;
    const telegram = telegrams[next];
    return telegram && encodeLong(telegram);
  };
  return {
    answer(bytes) {
      const frames = [...deframer.push(bytes, 0), ...deframer.quiet(0)];
      return frames.map(reply).findLast((answer) => answer !== undefined);
    },
  };
}

function telegramsOf(given: unknown): LongFrame[] {
  if (given === undefined) return [];
  return [givenSchema.parse(given).rx].flat().flatMap((hex) => {
    const bytes = Uint8Array.from(Buffer.from(hex.replace(/\s+/g, ""), "hex"));
    const found = lookAt(bytes, 0, bytes.length);
    return typeof found !== "string" && isResponse(found.frame) ? [found.frame] : [];
  });
}

function addressed(frame: LongFrame, { address, secondary }: MbusDevice): LongFrame {
  if (!secondary) return { ...frame, address: address ?? frame.address };
  if (frame.information !== longHeader) return frame;
  const data = frame.data.slice();
  const { id, manufacturer, version, medium } = secondary;
  for (let index = 0; index < 4; index++) {
    const digits = id.slice(6 - 2 * index, 8 - 2 * index);
    if (!digits.includes("F")) data[index] = Number.parseInt(digits, 16);
  }
  if (manufacturer !== undefined) {
    const code = manufacturerCode(manufacturer);
    data.set([code & 0xff, code >> 8], 4);
  }
  if (version !== undefined) data[6] = version;
  if (medium !== undefined) data[7] = medium;
  return { ...frame, data };
}

/** Whether a selection (EN 13757-3: id, manufacturer, version, medium; FF and F stand for any) means this meter. */
function isMeant(wanted: Uint8Array, telegram: LongFrame | undefined): boolean {
  if (!telegram || wanted.length < 8) return false;
  const code = (wanted[4] ?? 0) | ((wanted[5] ?? 0) << 8);
  const known = (value: number | undefined) => (value === 0xff ? undefined : value);
  const address: SecondaryAddress = {
    id: Buffer.from(wanted.subarray(0, 4)).reverse().toString("hex").toUpperCase(),
    manufacturer: code === 0xffff ? undefined : manufacturerLetters(code),
    version: known(wanted[6]),
    medium: known(wanted[7]),
  };
  return matches(address, decodeTelegram(telegram).header);
}

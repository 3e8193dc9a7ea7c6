import { encodeLong, selectedAddress, sendUserData } from "./frame.ts";
import type { SecondaryAddress } from "./settings.ts";
import { type Header, manufacturerCode } from "./telegram.ts";

const selectInformation = 0x52;
const any = 0xff;

/** The frame that selects every meter that the address matches and deselects all others (EN 13757-3). */
export function encodeSelect({ id, manufacturer, version, medium }: SecondaryAddress): Uint8Array {
  const code = manufacturer === undefined ? 0xffff : manufacturerCode(manufacturer);
  const data = new Uint8Array(8);
  for (let index = 0; index < 4; index++)
    data[index] = Number.parseInt(id.slice(6 - 2 * index, 8 - 2 * index), 16);
  data.set([code & 0xff, code >> 8, version ?? any, medium ?? any], 4);
  return encodeLong({
    control: sendUserData,
    address: selectedAddress,
    information: selectInformation,
    data,
  });
}

/** Whether a meter with this header is one that the address matches. A header without an id is believed. */
export function matches(address: SecondaryAddress, header: Header): boolean {
  const { id } = header;
  if (id === undefined) return true;
  for (let index = 0; index < 8; index++)
    if (address.id[index] !== "F" && address.id[index] !== id[index]) return false;
  return (
    agree(address.manufacturer, header.manufacturer) &&
    agree(address.version, header.version) &&
    agree(address.medium, header.medium)
  );
}

/** What the header does not say (fixed structure) contradicts nothing. */
function agree<T>(wanted: T | undefined, found: T | undefined): boolean {
  return wanted === undefined || found === undefined || wanted === found;
}

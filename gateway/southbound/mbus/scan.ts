import { matches } from "./secondary.ts";
import type { SecondaryAddress } from "./settings.ts";
import type { Header } from "./telegram.ts";

/**
 * What a line says when the meters that match an address are selected and asked: nothing, one whole
 * telegram's header, or bytes that several meters made together.
 */
export type ScanAnswer = "nobody" | "several" | Header;

export interface ScanResult {
  /** Full addresses, in the order in which they were found. */
  readonly found: readonly Required<SecondaryAddress>[];
  /** Addresses at which several meters answer and that cannot be told further apart. */
  readonly unresolved: readonly SecondaryAddress[];
  /** How often the line was asked. */
  readonly asked: number;
}

const decimalDigits = [..."0123456789"];
/** No meter should have them in its number, and some do. */
const otherDigits = [..."ABCDE"];

/**
 * Finds every meter of a line by its secondary address: where several answer, one more digit is
 * fixed (EN 13757-3). Asks 10 times for every shared beginning of two numbers. No I/O of its
 * own. Meters whose answers cover each other bit by bit are one to it: a line that is known to have
 * more is looked at again with the mask narrowed.
 *
 * @param mask where to begin; F stands for any digit
 */
export async function scanSecondary(
  ask: (address: SecondaryAddress) => Promise<ScanAnswer>,
  mask: SecondaryAddress = { id: "FFFFFFFF" },
): Promise<ScanResult> {
  const found = new Map<string, Required<SecondaryAddress>>();
  const unresolved: SecondaryAddress[] = [];
  let asked = 0;

  const look = async (address: SecondaryAddress): Promise<boolean> => {
    asked++;
    const answer = await ask(address);
    if (answer === "nobody") return false;
    // One meter may have drowned another: what does not fit the question came from two.
    if (answer !== "several" && isFull(answer) && matches(address, answer)) {
      const { id, manufacturer, version, medium } = answer;
      found.set(`${id} ${manufacturer} ${version} ${medium}`, { id, manufacturer, version, medium });
      return true;
    }
    await divide(address);
    return true;
  };

  const divide = async (address: SecondaryAddress): Promise<void> => {
    const place = address.id.indexOf("F");
    if (place < 0) {
      unresolved.push(address);
      return;
    }
    const narrowed = (digit: string) => ({
      ...address,
      id: address.id.slice(0, place) + digit + address.id.slice(place + 1),
    });
    let heard = false;
    for (const digit of decimalDigits) heard = (await look(narrowed(digit))) || heard;
    if (heard) return;
    for (const digit of otherDigits) heard = (await look(narrowed(digit))) || heard;
    if (!heard) unresolved.push(address);
  };

  await look(mask);
  return { found: [...found.values()], unresolved, asked };
}

function isFull(header: Header): header is Header & Required<SecondaryAddress> {
  const { id, manufacturer, version, medium } = header;
  return id !== undefined && manufacturer !== undefined && version !== undefined && medium !== undefined;
}

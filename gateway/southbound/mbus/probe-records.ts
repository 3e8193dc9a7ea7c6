import type { Point } from "../../model/device.ts";
import type { ProbeFinding } from "../protocol.ts";
import { type Received, resultsOf } from "./address.ts";
import { type DataRecord, keyText } from "./records.ts";
import { addressSchema } from "./schema.ts";
import { headerFields, type MbusAddress } from "./settings.ts";
import { quantities } from "./vif.ts";

/** EN 13757-7, device types that cities meet. */
const media: Readonly<Record<number, string>> = {
  2: "electricity",
  3: "gas",
  4: "heat, measured in the return",
  6: "warm water",
  7: "water",
  8: "heat cost allocator",
  10: "cooling, measured in the return",
  11: "cooling, measured in the flow",
  12: "heat, measured in the flow",
  13: "heat and cooling",
  21: "hot water",
  22: "cold water",
  24: "pressure",
  25: "analogue inputs",
  27: "room sensor",
  40: "waste water",
};

export function mediumText(medium: number): string {
  const known = media[medium];
  return known === undefined ? String(medium) : `${medium} (${known})`;
}

/** What the telegrams of one reading hold, as a profile would write it, each value as a point would read it. Pure. */
export function* meterFindings(received: readonly Received[]): Generator<ProbeFinding> {
  yield { at: `mbus: {telegrams: ${received.length}}`, value: "" };
  const header = received[0]?.telegram.header ?? {};
  for (const field of headerFields) {
    const value = header[field];
    if (value === undefined) continue;
    const note = field === "medium" ? { note: mediumText(header.medium ?? 0) } : {};
    yield { at: `{header: ${field}}`, value: String(value), ...note };
  }
  const seen = new Set<string>();
  for (const { telegram } of received) {
    const places = telegram.records.map(written);
    const texts = places.map(flow);
    for (const [index, record] of telegram.records.entries()) {
      const alike = texts.flatMap((text, place) => (text === texts[index] ? [place] : []));
      const nth = alike.length < 2 ? {} : { nth: alike.indexOf(index) + 1 };
      const place: Place = { ...places[index], ...nth };
      const at = flow(place);
      // Of two telegrams with records of one sort a point reads the first.
      const { value, note } = seen.has(at)
        ? { value: "", note: "an earlier telegram has one of this sort, and a point reads that" }
        : valueAt(place, record, received);
      seen.add(at);
      const key = record.head.length === 0 || place.key !== undefined ? "" : `key "${keyText(record.head)}"`;
      yield { at, value, note: [note, key].filter(Boolean).join("; ") };
    }
    const { manufacturerData } = telegram;
    if (manufacturerData && manufacturerData.length > 0)
      yield {
        at: "-",
        value: Buffer.from(manufacturerData).toString("hex"),
        note: "the maker's own data, which no point can read",
      };
  }
}

/** What stands inside of `at:`. */
type Place = Readonly<Record<string, unknown>>;

/** `at:` of a record, in the words of the profile. By its key where it has no others. */
function written(record: DataRecord): Place {
  const { quantity, text, storage, tariff, subunit, function: kind, modifiers, head } = record;
  const place = {
    ...(text ? { text } : { quantity }),
    ...(storage === 0 ? {} : { storage }),
    ...(tariff === 0 ? {} : { tariff }),
    ...(subunit === 0 ? {} : { subunit }),
    ...(kind === "instantaneous" ? {} : { function: kind }),
    ...(modifiers.length === 0 ? {} : { with: [...modifiers] }),
  };
  return head.length === 0 || addressSchema.safeParse(place).success ? place : { key: keyText(head) };
}

function flow(place: Place): string {
  const entries = Object.entries(place).map(
    ([key, value]) => `${key}: ${Array.isArray(value) ? `[${value.join(", ")}]` : scalar(key, value)}`,
  );
  return `{${entries.join(", ")}}`;
}

function scalar(key: string, value: unknown): string {
  return key === "text" || key === "key" ? JSON.stringify(value) : String(value);
}

function valueAt(
  place: Place,
  record: DataRecord,
  received: readonly Received[],
): { readonly value: string; readonly note: string } {
  const parsed = addressSchema.safeParse(place);
  if (!parsed.success) return { value: "", note: "a record that no point can name" };
  const [result] = resultsOf([pointAt(parsed.data)], received);
  if (!result) throw new RangeError("one point has one result");
  if ("problem" in result) return { value: "", note: result.detail };
  const { raw } = result;
  if (typeof raw === "string") return { value: JSON.stringify(raw), note: "" };
  const unit = "quantity" in place ? quantities.get(record.quantity)?.unit : record.unit;
  return { value: unit ? `${raw} ${unit}` : String(raw), note: "" };
}

function pointAt(address: MbusAddress): Point<MbusAddress> {
  return {
    name: "probe",
    address,
    scale: { numerator: 1n, denominator: 1n },
    offset: { numerator: 0n, denominator: 1n },
    kind: "gauge",
    pollClass: "once",
    absent: [],
    personal: false,
  };
}

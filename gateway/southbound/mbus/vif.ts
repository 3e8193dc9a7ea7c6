// What a value information field means: EN 13757-3 (the primary table and
// the extensions FB and FD), and the older codes for American units that meters still send.

/** How a value is to be read, besides its number of bytes. */
export type Shape = "number" | "integer" | "flags" | "text" | "date" | "date-time" | "time";

/** value in `unit` = raw * factor * 10^exponent, exactly. */
export interface ValueInfo {
  readonly quantity: string;
  /** "" for what has none. */
  readonly unit: string;
  readonly exponent: number;
  readonly factor: number;
  readonly shape: Shape;
}

type Table = readonly (ValueInfo | undefined)[];
type Entries = readonly (readonly [code: number, info: ValueInfo])[];

/** Codes from `first` on, each ten times the one before. */
function decades(first: number, count: number, quantity: string, unit: string, exponent: number): Entries {
  return Array.from({ length: count }, (_, index) => [
    first + index,
    { quantity, unit, exponent: exponent + index, factor: 1, shape: "number" },
  ]);
}

const unitsOfTime = { s: 1, min: 60, h: 3600, d: 86_400 } as const;

/** One code for each unit of time, in seconds; what has no fixed length keeps its own unit. */
function durations(
  first: number,
  quantity: string,
  units: readonly string[] = ["s", "min", "h", "d"],
): Entries {
  return units.map((written, index) => {
    const known = written in unitsOfTime;
    const factor = known ? unitsOfTime[written as keyof typeof unitsOfTime] : 1;
    return [first + index, { quantity, unit: known ? "s" : written, exponent: 0, factor, shape: "number" }];
  });
}

function single(code: number, quantity: string, shape: Shape, unit = "", exponent = 0): Entries {
  return [[code, { quantity, unit, exponent, factor: 1, shape }]];
}

function table(...groups: readonly Entries[]): Table {
  const infos: (ValueInfo | undefined)[] = Array.from({ length: 128 });
  for (const [code, info] of groups.flat()) infos[code] = info;
  return infos;
}

const primary = table(
  decades(0x00, 8, "energy", "Wh", -3),
  decades(0x08, 8, "energy", "J", 0),
  decades(0x10, 8, "volume", "m3", -6),
  decades(0x18, 8, "mass", "kg", -3),
  durations(0x20, "on-time"),
  durations(0x24, "operating-time"),
  decades(0x28, 8, "power", "W", -3),
  decades(0x30, 8, "power", "J/h", 0),
  decades(0x38, 8, "volume-flow", "m3/h", -6),
  decades(0x40, 8, "volume-flow", "m3/min", -7),
  decades(0x48, 8, "volume-flow", "m3/s", -9),
  decades(0x50, 8, "mass-flow", "kg/h", -3),
  decades(0x58, 4, "flow-temperature", "Cel", -3),
  decades(0x5c, 4, "return-temperature", "Cel", -3),
  decades(0x60, 4, "temperature-difference", "K", -3),
  decades(0x64, 4, "external-temperature", "Cel", -3),
  decades(0x68, 4, "pressure", "bar", -3),
  single(0x6c, "date", "date"),
  single(0x6d, "date-time", "date-time"),
  single(0x6e, "heat-cost-allocation", "number", "count"),
  durations(0x70, "averaging-duration"),
  durations(0x74, "actuality-duration"),
  single(0x78, "fabrication-number", "text"),
  single(0x79, "identification", "text"),
  single(0x7a, "bus-address", "integer"),
);

const extensionFd = table(
  decades(0x00, 4, "credit", "currency", -3),
  decades(0x04, 4, "debit", "currency", -3),
  single(0x08, "message-number", "integer"),
  single(0x09, "medium", "integer"),
  single(0x0a, "manufacturer-code", "integer"),
  single(0x0b, "parameter-set", "text"),
  single(0x0c, "model", "text"),
  single(0x0d, "hardware-version", "text"),
  single(0x0e, "firmware-version", "text"),
  single(0x0f, "software-version", "text"),
  single(0x10, "customer-location", "text"),
  single(0x11, "customer", "text"),
  single(0x12, "access-code-user", "text"),
  single(0x13, "access-code-operator", "text"),
  single(0x14, "access-code-system-operator", "text"),
  single(0x15, "access-code-developer", "text"),
  single(0x16, "password", "text"),
  single(0x17, "error-flags", "flags"),
  single(0x18, "error-mask", "flags"),
  single(0x19, "security-key", "text"),
  single(0x1a, "digital-output", "flags"),
  single(0x1b, "digital-input", "flags"),
  single(0x1c, "baud-rate", "number", "Bd"),
  single(0x1d, "response-delay", "number", "bit-times"),
  single(0x1e, "retries", "integer"),
  single(0x1f, "remote-control", "flags"),
  single(0x20, "first-cyclic-storage", "integer"),
  single(0x21, "last-cyclic-storage", "integer"),
  single(0x22, "storage-block-size", "integer"),
  single(0x23, "tariff-descriptor", "flags"),
  durations(0x24, "storage-interval", ["s", "min", "h", "d", "month", "year"]),
  single(0x2a, "operator-data", "text"),
  single(0x2b, "second-of-minute", "number", "s"),
  durations(0x2c, "time-since-readout"),
  single(0x30, "tariff-start", "date-time"),
  durations(0x31, "tariff-duration", ["min", "h", "d"]),
  durations(0x34, "tariff-period", ["s", "min", "h", "d", "month", "year"]),
  single(0x3a, "dimensionless", "number"),
  single(0x3b, "wireless-container", "text"),
  durations(0x3c, "transmission-period"),
  decades(0x40, 16, "voltage", "V", -9),
  decades(0x50, 16, "current", "A", -12),
  single(0x60, "reset-counter", "integer"),
  single(0x61, "cumulation-counter", "integer"),
  single(0x62, "control-signal", "integer"),
  single(0x63, "day-of-week", "integer"),
  single(0x64, "week-number", "integer"),
  single(0x65, "day-change", "time"),
  single(0x66, "parameter-state", "integer"),
  single(0x67, "supplier-information", "text"),
  durations(0x68, "time-since-cumulation", ["h", "d", "month", "year"]),
  durations(0x6c, "battery-operating-time", ["h", "d", "month", "year"]),
  single(0x70, "battery-change", "date-time"),
  single(0x71, "signal-strength", "number", "dBm"),
  single(0x72, "daylight-saving", "text"),
  single(0x73, "listening-window", "text"),
  durations(0x74, "battery-remaining", ["d"]),
  single(0x75, "stop-counter", "integer"),
  single(0x76, "manufacturer-container", "text"),
);

/** FD FD: its second level. */
const extensionFdFd = table(
  single(0x00, "selected-application", "integer"),
  durations(0x02, "battery-remaining", ["month", "year"]),
);

const extensionFb = table(
  decades(0x00, 2, "energy", "Wh", 5),
  decades(0x02, 2, "reactive-energy", "varh", 3),
  decades(0x04, 2, "apparent-energy", "VAh", 3),
  decades(0x08, 2, "energy", "J", 8),
  decades(0x0c, 4, "energy", "cal", 5),
  decades(0x10, 2, "volume", "m3", 2),
  decades(0x14, 4, "reactive-power", "var", 0),
  decades(0x18, 2, "mass", "kg", 5),
  decades(0x1a, 2, "relative-humidity", "%RH", -1),
  single(0x20, "volume", "number", "ft3"),
  single(0x21, "volume", "number", "ft3", -1),
  decades(0x22, 2, "volume", "gal", -1),
  single(0x24, "volume-flow", "number", "gal/min", -3),
  single(0x25, "volume-flow", "number", "gal/min"),
  single(0x26, "volume-flow", "number", "gal/h"),
  decades(0x28, 2, "power", "W", 5),
  single(0x2a, "phase-angle-voltages", "number", "deg", -1),
  single(0x2b, "phase-angle", "number", "deg", -1),
  decades(0x2c, 4, "frequency", "Hz", -3),
  decades(0x30, 2, "power", "J/h", 8),
  decades(0x34, 4, "apparent-power", "VA", 0),
  decades(0x58, 4, "flow-temperature", "degF", -3),
  decades(0x5c, 4, "return-temperature", "degF", -3),
  decades(0x60, 4, "temperature-difference", "degF-difference", -3),
  decades(0x64, 4, "external-temperature", "degF", -3),
  decades(0x70, 4, "temperature-limit", "degF", -3),
  decades(0x74, 4, "temperature-limit", "Cel", -3),
  decades(0x78, 8, "maximum-power", "W", -3),
);

export const unknownInfo: ValueInfo = {
  quantity: "reserved",
  unit: "",
  exponent: 0,
  factor: 1,
  shape: "number",
};
export const manufacturerInfo: ValueInfo = { ...unknownInfo, quantity: "manufacturer" };
export const anyInfo: ValueInfo = { ...unknownInfo, quantity: "any" };
export const plainTextInfo: ValueInfo = { ...unknownInfo, quantity: "plain-text" };

export type Extension = "primary" | "fd" | "fdfd" | "fb";
const tables: Readonly<Record<Extension, Table>> = {
  primary,
  fd: extensionFd,
  fdfd: extensionFdFd,
  fb: extensionFb,
};

/** The meaning of a code without its extension bit; `reserved` for one that has none. */
export function valueInfo(extension: Extension, code: number): ValueInfo {
  return tables[extension][code & 0x7f] ?? unknownInfo;
}

/** Every quantity that a telegram can name, and the unit and shape that its values come in first. */
export const quantities: ReadonlyMap<string, { readonly unit: string; readonly shape: Shape }> = listed();

function listed() {
  const found = new Map<string, { readonly unit: string; readonly shape: Shape }>();
  // Of several units the first one of the tables is the quantity's own.
  for (const info of Object.values(tables).flat())
    if (info && !found.has(info.quantity)) found.set(info.quantity, { unit: info.unit, shape: info.shape });
  // Of the fixed structure, which does not say whose temperature it is.
  return found.set("temperature", { unit: "Cel", shape: "number" });
}

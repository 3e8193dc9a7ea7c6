import { parseDocument } from "yaml";
import { ConfigError } from "../../model/errors.ts";
import { list, number, record, string } from "./fields.ts";
import { type Imported, type ImportedPoint, pointName } from "./imported.ts";
import { registerType } from "./register-type.ts";

// EdgeX Foundry device profiles of device-modbus (docs.edgexfoundry.org, "Modbus device profile").

const tables: Readonly<Record<string, string>> = {
  COILS: "coil",
  DISCRETES_INPUT: "discrete",
  INPUT_REGISTERS: "input",
  HOLDING_REGISTERS: "holding",
};

/** Reads an EdgeX device profile. Throws ConfigError when there is no Modbus resource in it. */
export function importEdgex(text: string): Imported {
  // Every scalar as it is written: the address 10.10 is bit 10, not 10.1.
  const document = parseDocument(text, { logLevel: "silent", schema: "failsafe" });
  const profile = record(document.toJS({ maxAliasCount: 100 }));
  const taken = new Set<string>();
  const leftOut: string[] = [];
  const labels = labelsOf(profile);
  const points = list(profile.deviceResources).flatMap((one) => pointOf(record(one), labels, taken, leftOut));
  if (points.length === 0)
    throw new ConfigError("there is no Modbus resource in this profile", { code: "nothing-to-import" });
  const commands = list(profile.deviceCommands).length;
  if (commands > 0)
    leftOut.push(`${commands} deviceCommands: points are read together anyway; labels were taken from them`);
  const manufacturer = string(profile.manufacturer);
  const model = string(profile.model);
  return {
    title: [manufacturer, model].filter(Boolean).join(" ") || (string(profile.name) ?? "Imported from EdgeX"),
    manufacturer,
    models: model === undefined ? undefined : [model],
    protocol: "modbus",
    head: { addressing: "protocol" },
    points,
    leftOut,
  };
}

/** Labels stand where commands use a resource: {"0": "Cool"}. */
function labelsOf(profile: Record<string, unknown>): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const labels = new Map<string, Record<string, string>>();
  for (const operation of list(profile.deviceCommands).flatMap((one) =>
    list(record(one).resourceOperations),
  )) {
    const { deviceResource, mappings } = record(operation);
    const found = Object.entries(record(mappings)).filter(([raw]) => /^(-?\d+|true|false)$/.test(raw));
    if (found.length > 0)
      labels.set(
        string(deviceResource) ?? "",
        Object.fromEntries(found.map(([raw, label]) => [raw, string(label) ?? raw])),
      );
  }
  return labels;
}

function pointOf(
  resource: Record<string, unknown>,
  labels: ReadonlyMap<string, Readonly<Record<string, string>>>,
  taken: Set<string>,
  leftOut: string[],
): ImportedPoint[] {
  const label = string(resource.name) ?? "resource";
  const attributes = record(resource.attributes);
  const properties = record(resource.properties);
  const table = tables[string(attributes.primaryTable)?.toUpperCase() ?? ""];
  const place = string(attributes.startingAddress);
  if (!table || place === undefined) {
    leftOut.push(`${label}: no Modbus address`);
    return [];
  }
  // A fraction is a bit of the register: 10.3 is bit 3 of 10.
  const [, address, bit] = /^(\d+)(?:\.(\d+))?$/.exec(place) ?? [];
  if (address === undefined) {
    leftOut.push(`${label}: "${place}" is no address`);
    return [];
  }
  const bits = table === "coil" || table === "discrete";
  const valueType = string(properties.valueType) ?? "";
  const words = string(attributes.rawType) ?? valueType;
  const textual = valueType.toLowerCase() === "string";
  const boolean = valueType.toLowerCase() === "bool";
  const type = registerType(words);
  if (!bits && !textual && !boolean && !type) {
    leftOut.push(`${label}: the type "${words}" is not known`);
    return [];
  }
  const registers = number(attributes.stringRegisterSize) ?? 1;
  const access = (string(properties.readWrite) ?? "R").toUpperCase();
  if (!access.includes("R")) {
    leftOut.push(`${label}: is only written (${table} ${address})`);
    return [];
  }
  return [
    {
      name: pointName(label, taken),
      title: string(resource.description) ?? label,
      at: {
        [table]: Number(address),
        ...(bits
          ? {}
          : textual
            ? { type: "ascii", length: 2 * registers }
            : boolean
              ? { bit: Number(bit ?? 0) }
              : { type: type?.type, ...orderOf(attributes) }),
      },
      unit: bits || textual || boolean ? undefined : string(properties.units),
      kind: textual ? "text" : bits || boolean ? "state" : undefined,
      values: textual ? undefined : labels.get(label),
      scale: textual || boolean || bits ? undefined : number(properties.scale),
      offset: textual || boolean || bits ? undefined : number(properties.offset),
      range: rangeOf(properties, textual || boolean || bits),
      writable: access.includes("W"),
    },
  ];
}

function orderOf({ isByteSwap, isWordSwap }: Record<string, unknown>): { order?: string } {
  const bytes = isByteSwap === true || isByteSwap === "true";
  const words = isWordSwap === true || isWordSwap === "true";
  if (!bytes && !words) return {};
  return { order: bytes && words ? "DCBA" : bytes ? "BADC" : "CDAB" };
}

function rangeOf(properties: Record<string, unknown>, none: boolean): readonly [number, number] | undefined {
  const low = number(properties.minimum);
  const high = number(properties.maximum);
  return none || low === undefined || high === undefined ? undefined : [low, high];
}

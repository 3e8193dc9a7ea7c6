import { parse } from "smol-toml";
import { ConfigError } from "../../model/errors.ts";
import { list, number, record, string } from "./fields.ts";
import { type Imported, type ImportedPoint, pointName } from "./imported.ts";
import { registerType } from "./register-type.ts";

// Telegraf's [[inputs.modbus]] (docs.influxdata.com, Modbus input plugin), in its three styles:
// tables of the plugin, requests, and metrics.

const simple: Readonly<Record<string, string>> = {
  discrete_inputs: "discrete",
  coils: "coil",
  holding_registers: "holding",
  input_registers: "input",
};

/** Reads every [[inputs.modbus]] of a Telegraf configuration. Throws ConfigError when there is no field in it. */
export function importTelegraf(text: string): Imported {
  let plugins: readonly unknown[];
  try {
    plugins = list(record(record(parse(text)).inputs).modbus);
  } catch (cause) {
    throw new ConfigError(
      `not TOML: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`,
      {
        code: "bad-toml",
        cause,
      },
    );
  }
  const taken = new Set<string>();
  const leftOut: string[] = [];
  const points = plugins.flatMap((one) => pointsOf(record(one), taken, leftOut));
  if (points.length === 0)
    throw new ConfigError("there is no field of [[inputs.modbus]] in this file", {
      code: "nothing-to-import",
    });
  const units = new Set(plugins.map((one) => record(one).slave_id).filter((unit) => unit !== undefined));
  if (units.size > 1)
    leftOut.push(`the file reads several units (${[...units].join(", ")}): make a profile of each`);
  return {
    title: string(record(plugins[0]).name) ?? "Imported from Telegraf",
    protocol: "modbus",
    head: { addressing: "protocol" },
    points,
    leftOut,
  };
}

function pointsOf(plugin: Record<string, unknown>, taken: Set<string>, leftOut: string[]): ImportedPoint[] {
  const found: ImportedPoint[] = [];
  for (const [key, table] of Object.entries(simple)) {
    for (const one of list(plugin[key])) {
      const field = record(one);
      const addresses = list(field.address).map(Number);
      found.push(
        ...pointOf(
          table,
          addresses[0],
          addresses.length,
          field,
          string(field.data_type),
          string(field.byte_order),
          {
            taken,
            leftOut,
          },
        ),
      );
    }
  }
  for (const one of [...list(plugin.request), ...list(plugin.metric)]) {
    const request = record(one);
    for (const two of list(request.fields)) {
      const field = record(two);
      const table = string(field.register) ?? string(request.register) ?? "holding";
      found.push(
        ...pointOf(
          table,
          number(field.address),
          undefined,
          field,
          string(field.type),
          string(request.byte_order),
          {
            taken,
            leftOut,
          },
        ),
      );
    }
  }
  return found;
}

function pointOf(
  table: string,
  address: number | undefined,
  words: number | undefined,
  field: Record<string, unknown>,
  type: string | undefined,
  byteOrder: string | undefined,
  { taken, leftOut }: { taken: Set<string>; leftOut: string[] },
): ImportedPoint[] {
  const label = string(field.name) ?? `${table}_${address}`;
  if (field.omit === true || address === undefined) return [];
  if (table === "coil" || table === "discrete")
    return [{ name: pointName(label, taken), at: { [table]: address }, kind: "state" }];
  const place = placeOf(type ?? "UINT16", words);
  if (!place) {
    leftOut.push(`${label}: the type "${type}" is not known`);
    return [];
  }
  const order = byteOrder === undefined ? undefined : orderOf(byteOrder);
  if (byteOrder !== undefined && order === undefined)
    leftOut.push(`${label}: the byte order "${byteOrder}" is not known; ABCD stands for it`);
  const textual = place.type === "ascii";
  return [
    {
      name: pointName(label, taken),
      at: {
        [table]: address,
        ...place,
        ...(order === undefined || order === "ABCD" || textual ? {} : { order }),
        ...(type === "BIT" || field.bit !== undefined
          ? { type: undefined, bit: number(field.bit) ?? 0 }
          : {}),
      },
      kind: textual ? "text" : type === "BIT" ? "state" : undefined,
      scale: textual ? undefined : number(field.scale),
    },
  ];
}

/** INT16, UINT32, FLOAT32-IEEE; FIXED and UFIXED are integers with a scale; *L and *H are half a register. */
function placeOf(
  written: string,
  words: number | undefined,
): Readonly<Record<string, string | number>> | undefined {
  const type = written.toUpperCase().replace(/-IEEE$/, "");
  if (type === "STRING") return { type: "ascii", length: 2 * (words ?? 1) };
  if (type === "BIT") return {};
  const half = /^(U?)INT8([LH])$/.exec(type);
  if (half) return { type: half[1] ? "u8" : "s8", byte: half[2] === "H" ? "high" : "low" };
  if (type === "FIXED" || type === "UFIXED")
    return { type: `${type === "FIXED" ? "s" : "u"}${16 * (words ?? 1)}` };
  return registerType(type);
}

function orderOf(written: string): string | undefined {
  const order = written.toUpperCase();
  if (order === "AB") return "ABCD";
  if (order === "BA") return "BADC";
  if (["ABCD", "CDAB", "BADC", "DCBA"].includes(order)) return order;
  return { ABCDEFGH: "ABCD", GHEFCDAB: "CDAB", BADCFEHG: "BADC", HGFEDCBA: "DCBA" }[order];
}

import { parseDocument } from "yaml";
import { ConfigError } from "../../model/errors.ts";
import { record, string } from "./fields.ts";
import { type Imported, type ImportedPoint, pointName } from "./imported.ts";
import { registerType } from "./register-type.ts";

// evcc's device templates (docs.evcc.io, "templates"): a YAML file whose `render:` is again YAML, with
// Go template actions in between. Only registers are carried over; what a template decides when it is
// rendered is named and left to a person.

const tables: Readonly<Record<string, string>> = {
  input: "input",
  holding: "holding",
  coil: "coil",
  discrete: "discrete",
};
const writes: Readonly<Record<string, string>> = {
  writesingle: "holding",
  writemultiple: "holding",
  writeholding: "holding",
  writecoil: "coil",
};
/** What evcc means by the places it reads, in its own documentation of meters and chargers. */
const meaning: Readonly<Record<string, { unit: string; kind?: "counter" }>> = {
  power: { unit: "W" },
  energy: { unit: "kWh", kind: "counter" },
  soc: { unit: "%" },
  currents: { unit: "A" },
  voltages: { unit: "V" },
  powers: { unit: "W" },
  maxcurrent: { unit: "A" },
};

/** Reads an evcc template, or the part of an evcc.yaml that says `register:`. Throws ConfigError when there is no register in it. */
export function importEvcc(text: string): Imported {
  const outer = record(data(text));
  const render = typeof outer.render === "string" ? outer.render : text;
  const actions = [...render.matchAll(/\{\{-?\s*(if|else if|range)\b([^}]*)\}\}/g)].map(([, word, what]) =>
    `${word}${what}`.trim(),
  );
  // Lines that are only actions go; actions inside a line leave their place empty.
  const plain = render
    .split("\n")
    .filter((line) => !/^\s*\{\{[^}]*\}\}\s*$/.test(line))
    .map((line) => line.replaceAll(/\{\{[^}]*\}\}/g, ""))
    .join("\n");
  const taken = new Set<string>();
  const leftOut: string[] = actions.map(
    (action) => `the template decides "${action}" when it is rendered: choose`,
  );
  const points = [...registers(data(plain), [])].flatMap((found) => pointOf(found, taken, leftOut));
  if (points.length === 0)
    throw new ConfigError("there is no Modbus register in this file", {
      code: "nothing-to-import",
      hint: "only what has source: modbus and register: can be imported",
    });
  const product = first(outer.products);
  const brand = string(product.brand);
  const title = [brand, string(record(product.description).generic ?? record(product.description).en)]
    .filter(Boolean)
    .join(" ");
  return {
    title: title || string(outer.template) || "Imported from evcc",
    manufacturer: brand,
    protocol: "modbus",
    head: { addressing: "protocol" },
    points,
    leftOut,
  };
}

interface Found {
  readonly path: readonly string[];
  readonly register: Readonly<Record<string, unknown>>;
  readonly scale: number | undefined;
}

/** Every `register:` below a value, with the way to it. */
function* registers(value: unknown, path: readonly string[]): Iterable<Found> {
  if (Array.isArray(value)) {
    for (const one of value) {
      // In evcc.yaml meters and chargers have names, and that is how people tell them apart.
      const name = string(record(one).name);
      yield* registers(one, name === undefined ? path : [...path.slice(0, -1), name]);
    }
    return;
  }
  const mapping = record(value);
  const scale = mapping.scale === undefined ? undefined : Number(mapping.scale);
  for (const [key, below] of Object.entries(mapping)) {
    if (key === "register") yield { path, register: record(below), scale };
    else
      yield* registers(below, /^(source|add|set|get|mul|div|config|in)$/.test(key) ? path : [...path, key]);
  }
}

function pointOf({ path, register, scale }: Found, taken: Set<string>, leftOut: string[]): ImportedPoint[] {
  const place = path.join(".") || "value";
  const kind = string(register.type)?.toLowerCase() ?? "holding";
  const table = tables[kind] ?? writes[kind];
  const address = Number(register.address);
  if (!table || !Number.isInteger(address)) {
    leftOut.push(`${place}: ${JSON.stringify(register)} names no register`);
    return [];
  }
  if (writes[kind]) {
    leftOut.push(
      `${place}: writes ${table} ${address} (${string(register.encoding ?? register.decode) ?? "uint16"})`,
    );
    return [];
  }
  const words = string(register.decode ?? register.encoding)?.toLowerCase() ?? "uint16";
  // A type, then in any order "s" for swapped words and "nan" for a value that means none.
  const [, plain = "", tail = ""] = /^([a-z]+\d*?(?:16|32|64)?)((?:s|nan)*)$/.exec(words) ?? [];
  const nan = tail.includes("nan");
  const swapped = tail.replace("nan", "").includes("s");
  const type = registerType(plain);
  const bit = table === "coil" || table === "discrete";
  if (!type && !bit) {
    leftOut.push(`${place}: the encoding "${words}" of ${table} ${address} is not known`);
    return [];
  }
  if (register.bitmask !== undefined)
    leftOut.push(
      `${place}: the bit mask ${String(register.bitmask)} of ${table} ${address} is not carried over`,
    );
  const known = meaning[path.at(-1)?.toLowerCase() ?? ""];
  const name = pointName(place, taken);
  return [
    {
      name,
      at: {
        [table]: address,
        ...(bit
          ? {}
          : { type: type?.type, ...(swapped ? { order: plain.endsWith("64") ? "GHEFCDAB" : "CDAB" } : {}) }),
      },
      unit: bit ? undefined : known?.unit,
      kind: bit ? "state" : known?.kind,
      scale,
      absent: nan && type ? sentinel(type.type) : undefined,
    },
  ];
}

/** The value by which a type says "not available" in evcc's ...nan encodings. */
function sentinel(type: string): readonly (bigint | string)[] {
  if (type.startsWith("f")) return ["nan"];
  const all = 2n ** BigInt(type.slice(1));
  return [type.startsWith("s") ? -(all / 2n) : all - 1n];
}

function data(text: string): unknown {
  const document = parseDocument(text, { logLevel: "silent", uniqueKeys: false });
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  return value;
}

function first(value: unknown): Record<string, unknown> {
  return record(Array.isArray(value) ? value[0] : value);
}

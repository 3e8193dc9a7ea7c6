import { ConfigError } from "../../model/errors.ts";
import type { Output } from "./node.ts";
import { isMapping, Section, schemaError } from "./section.ts";

/** What a network says about an uplink: recvTime (ISO 8601), fPort, devEui, rxMetadata, ... */
export type NetworkMetadata = Readonly<Record<string, unknown>>;

type Enrich = (data: Output, network: NetworkMetadata) => void;

/** `metadata` of a schema: names taken over from the network, and times. What is missing is left out; what is not understood is noted. */
export function compileMetadata(schema: Section, notes: string[]): Enrich | undefined {
  if (!schema.has("metadata")) return undefined;
  let steps: readonly Step[];
  try {
    const metadata = new Section(schema.get("metadata"), "metadata");
    steps = [...includes(metadata), ...timestamps(metadata)];
  } catch (error) {
    // What the network adds must not keep the payload itself from being read.
    if (!(error instanceof ConfigError)) throw error;
    notes.push(`${error.message}; the metadata is left out`);
    return undefined;
  }
  return (data, network) => {
    for (const { name, value } of steps) {
      const found = value(data, network);
      if (found !== undefined) data[name] = found;
    }
  };
}

interface Step {
  readonly name: string;
  readonly value: (data: Output, network: NetworkMetadata) => unknown;
}

function includes(metadata: Section): Step[] {
  return (metadata.list("include") ?? []).map((item, index) => {
    const one = new Section(item, `${metadata.at("include")}[${index}]`);
    const path = (one.text("source") ?? "")
      .replace(/^\$/, "")
      .split(/[.[\]]+/)
      .filter((step) => step !== "");
    return { name: nameOf(one), value: (_, network) => follow(network, path) };
  });
}

function timestamps(metadata: Section): Step[] {
  return (metadata.list("timestamps") ?? []).map((item, index) => {
    const one = new Section(item, `${metadata.at("timestamps")}[${index}]`);
    const mode =
      one.word("mode", ["rx_time", "subtract", "elapsed_to_absolute", "unix_epoch", "iso8601"]) ?? "rx_time";
    const field = (one.text("offset_field") ?? one.text("elapsed_field") ?? one.text("field") ?? "").replace(
      /^\$/,
      "",
    );
    const format = one.text("format");
    if (mode !== "rx_time" && field === "") throw schemaError(one.path, `the mode ${mode} needs a field`);
    const number = (data: Output): number | undefined => {
      const value = Object.hasOwn(data, field) ? data[field] : undefined;
      return typeof value === "number" ? value : undefined;
    };
    const received = (network: NetworkMetadata): number | undefined => {
      const time = typeof network.recvTime === "string" ? Date.parse(network.recvTime) : Number.NaN;
      return Number.isNaN(time) ? undefined : time;
    };
    return {
      name: nameOf(one),
      value: (data, network) => {
        if (mode === "rx_time") return iso(received(network));
        const seconds = number(data);
        if (seconds === undefined) return undefined;
        if (mode === "unix_epoch") return iso(seconds * 1000);
        if (mode === "iso8601") return strftime(seconds * 1000, format ?? "%Y-%m-%dT%H:%M:%SZ");
        const base = received(network);
        return base === undefined ? undefined : iso(base - seconds * 1000);
      },
    };
  });
}

function nameOf(one: Section): string {
  const name = one.text("name");
  if (name === undefined || name === "__proto__") throw schemaError(one.path, "a name is needed here");
  return name;
}

function follow(value: unknown, path: readonly string[]): unknown {
  let present = value;
  for (const step of path) {
    if (Array.isArray(present)) present = present[Number(step)];
    else if (isMapping(present)) present = new Section(present, "").get(step);
    else return undefined;
  }
  return present;
}

/** The farthest time that a Date can hold, in ms. */
const farthest = 8.64e15;

function iso(ms: number | undefined): string | undefined {
  return ms === undefined || Math.abs(ms) > farthest ? undefined : new Date(ms).toISOString();
}

function strftime(ms: number, format: string): string | undefined {
  const text = iso(ms);
  if (text === undefined) return undefined;
  const [year = "", month = "", day = "", hour = "", minute = "", second = ""] =
    text.match(/[+-]?\d+/g)?.map((part, index) => (index > 0 ? part.replace("-", "") : part)) ?? [];
  const parts: Readonly<Record<string, string>> = {
    Y: year,
    m: month,
    d: day,
    H: hour,
    M: minute,
    S: second,
    y: year.slice(-2),
    "%": "%",
  };
  return format.replace(/%([a-zA-Z%])/g, (whole, letter: string) => parts[letter] ?? whole);
}

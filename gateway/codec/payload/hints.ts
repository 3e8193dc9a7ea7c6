import type { Hints } from "./node.ts";
import { isMapping, numberOf, Section } from "./section.ts";

/**
 * What a field says about itself for other vocabularies, in any of the shapes that schemas use.
 * Shapes that are not known are left out: hints never change a value and never make a schema wrong.
 */
export function hintsOf(section: Section): Hints | undefined {
  const meaning = section.get("semantic");
  const nested = isMapping(meaning) ? new Section(meaning, section.at("semantic")) : undefined;
  const ipso = ipsoOf(section.get("ipso") ?? nested?.get("ipso"), section.at("ipso"));
  const senml = senmlOf(section, section.get("senml") ?? nested?.get("senml"));
  const unece = section.get("unece");
  const sensor = section.get("sensor");
  const resolution = section.get("resolution");
  const hints: Hints = {
    ...(typeof meaning === "string" && { semantic: meaning }),
    ...(ipso && { ipso }),
    ...(senml && { senml }),
    ...((typeof unece === "string" || typeof unece === "number") && { unece: String(unece) }),
    ...(typeof sensor === "string" && { sensor }),
    ...(typeof resolution === "number" && { resolution }),
  };
  return Object.keys(hints).length > 0 ? hints : undefined;
}

function ipsoOf(value: unknown, path: string): Hints["ipso"] {
  if (!isMapping(value)) {
    const object = numberOf(value);
    return object === undefined ? undefined : { object };
  }
  const section = new Section(value, path);
  const object = numberOf(section.get("object"));
  if (object === undefined) return undefined;
  const instance = numberOf(section.get("instance"));
  const resource = numberOf(section.get("resource"));
  return {
    object,
    ...(instance !== undefined && { instance }),
    ...(resource !== undefined && { resource }),
  };
}

function senmlOf(section: Section, value: unknown): Hints["senml"] {
  if (typeof value === "string") return { unit: value };
  const plain = section.get("senml_unit");
  const shape = isMapping(value) ? new Section(value, section.at("senml")) : undefined;
  const name = shape?.get("name");
  const unit = shape?.get("unit") ?? plain;
  if (typeof name !== "string" && typeof unit !== "string") return undefined;
  return { ...(typeof name === "string" && { name }), ...(typeof unit === "string" && { unit }) };
}

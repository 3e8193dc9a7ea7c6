import { badValue } from "../payload-error.ts";
import type { Section } from "../section.ts";
import type { Wire } from "./value-field.ts";

/** `version_string`: each byte in decimal, joined. Throws ConfigError. */
export function versionStringWire(section: Section): Wire {
  const length = section.whole("length", 1, 64) ?? 3;
  const prefix = section.text("prefix") ?? "";
  const delimiter = section.text("delimiter") ?? ".";
  return {
    kind: "text",
    read: (state, label) => {
      const at = state.take(length, label);
      return prefix + Array.from(state.bytes.subarray(at, at + length), String).join(delimiter);
    },
    write: (state, raw, given) => {
      const text = typeof raw === "string" ? raw : "";
      const bytes = text === "" ? new Uint8Array(length) : parse(text, prefix, delimiter, length);
      state.put(bytes, undefined, given);
    },
  };
}

function parse(text: string, prefix: string, delimiter: string, length: number): Uint8Array {
  const texts = text.startsWith(prefix) ? text.slice(prefix.length).split(delimiter) : [];
  if (texts.length !== length || !texts.every((one) => /^\d{1,3}$/.test(one) && Number(one) <= 255))
    throw badValue(
      `"${text}" is not ${length} numbers from 0 to 255 joined by "${delimiter}" after "${prefix}"`,
    );
  return Uint8Array.from(texts, Number);
}

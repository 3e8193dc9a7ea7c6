import { schemaError } from "./section.ts";

const letters: Readonly<Record<string, string>> = {
  b: "s8",
  B: "u8",
  h: "s16",
  H: "u16",
  i: "s32",
  I: "u32",
  l: "s32",
  L: "u32",
  q: "s64",
  Q: "u64",
  e: "f16",
  f: "f32",
  d: "f64",
};

/** The compact form `fields: ">B:type 2x H:value"` as a list of fields. Throws ConfigError. */
export function expandCompact(
  text: string,
  path: string,
): { items: unknown[]; endian: "big" | "little" | undefined } {
  const trimmed = text.trim();
  const endian = trimmed.startsWith("<") ? "little" : trimmed.startsWith(">") ? "big" : undefined;
  const tokens = (endian ? trimmed.slice(1) : trimmed).split(/\s+/).filter((token) => token !== "");
  const items = tokens.map((token) => {
    const [, count, letter = "", name] = /^(\d{1,4})?([a-zA-Z?])(?::([\w.-]+))?$/.exec(token) ?? [];
    if (letter === "x") return { type: "skip", length: Number(count ?? 1) };
    if (letter === "?") return { type: "bool", consume: 1, ...(name !== undefined && { name }) };
    const type = Object.hasOwn(letters, letter) ? letters[letter] : undefined;
    if (type === undefined || count !== undefined)
      throw schemaError(
        path,
        `"${token}" is no field of the compact form`,
        "write letter:name, such as H:value",
      );
    return { type, ...(name !== undefined && { name }) };
  });
  return { items, endian };
}

import type { YamlDocument } from "../codec/yaml.ts";
import type { Protocol } from "../southbound/protocol.ts";
import type { Report } from "./compile.ts";
import type { BaseFile, Bases } from "./expand.ts";

/** Bytes of UTF-8 that a file beside a profile may have. */
const maxAttachedBytes = 512 * 1024;
/** No folder in it: what belongs to a profile lies beside it. */
const fileName = /^\.\/([a-z0-9][a-z0-9._-]{0,99})$/;

/**
 * The profile's value with the files in it that its protocol's head names: each as `{file, text}`
 * where the name stood. A name that is none stays, for the schema to refuse. `texts`: what was read.
 */
export function attachFiles(
  document: YamlDocument,
  value: Readonly<Record<string, unknown>>,
  protocol: Protocol,
  bases: Bases,
  report: Report,
): { readonly value: Readonly<Record<string, unknown>>; readonly texts: readonly string[] } {
  const head = value[protocol.name];
  if (!protocol.files || !bases.beside || !isMapping(head)) return { value, texts: [] };
  const changed: Record<string, unknown> = { ...head };
  const texts: string[] = [];
  for (const key of protocol.files) {
    const written = head[key];
    const [, name] = typeof written === "string" ? (fileName.exec(written) ?? []) : [];
    if (name === undefined) continue;
    const path = [protocol.name, key];
    const found = read(bases.beside, document.span(path, "value").file ?? document.file, name);
    if (typeof found === "string") {
      report(path, "value", { code: "unreadable", message: `${String(written)} cannot be read: ${found}` });
      continue;
    }
    changed[key] = { file: name, text: found.text };
    texts.push(found.text);
  }
  return { value: { ...value, [protocol.name]: changed }, texts };
}

/** The file, or why it cannot be read. */
function read(beside: NonNullable<Bases["beside"]>, profile: string, name: string): BaseFile | string {
  try {
    const found = beside(profile, name);
    if (Buffer.byteLength(found.text) <= maxAttachedBytes) return found;
    return `it has more than ${maxAttachedBytes / 1024} kB`;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      return "it does not lie beside the profile";
    return error instanceof Error ? error.message : String(error);
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

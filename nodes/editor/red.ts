import type { EditorRED } from "node-red";

/** The editor, which a node's page finds in its window. */
export const red: EditorRED = Reflect.get(window, "RED");

/** A key of this node's catalogue in the language of the reader. */
export type Words = (key: string, values?: Record<string, string | number>) => string;

/** A text of the gateway in the language that the node's own words are in. */
export function inLanguage(
  text: { readonly en: string; readonly sv?: string } | undefined,
  words: Words,
): string | undefined {
  return words("common.language") === "sv" ? (text?.sv ?? text?.en) : text?.en;
}

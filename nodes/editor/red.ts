import type { EditorRED } from "node-red";

/** The editor, which a node's page finds in its window. */
export const red: EditorRED = Reflect.get(window, "RED");

/** A key of this node's catalogue in the language of the reader. */
export type Words = (key: string, values?: Record<string, string | number>) => string;

/** A text in the language of the reader: Swedish or English. */
export function inLanguage(
  text: { readonly en: string; readonly sv?: string } | undefined,
): string | undefined {
  return text && /^sv\b/.test(red.i18n.lang()) ? (text.sv ?? text.en) : text?.en;
}

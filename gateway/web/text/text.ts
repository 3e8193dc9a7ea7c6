import { computed, type ReadonlySignal } from "@preact/signals";
import { language } from "../preferences.ts";
import type { Text } from "../types.ts";
import { en } from "./en.ts";
import { sv } from "./sv.ts";

/**
 * Words of one part of the page, in the language that was chosen. Both must have the same keys, or it does not
 * compile: `const words = inLanguages({ en, sv })`, with `const sv: typeof en = ...`.
 */
export function inLanguages<Words>(both: { readonly en: Words; readonly sv: Words }): ReadonlySignal<Words> {
  return computed(() => both[language.value]);
}

export type Words = typeof en;

/** The words that every part of the page uses. */
export const words = inLanguages({ en, sv });

/** A text of the gateway, in the language that was chosen where it has it. */
export function say(text: Text): string {
  return (language.value === "sv" ? text.sv : undefined) ?? text.en;
}

/** The word for a name that the gateway gave; the name itself where the page knows none. */
export function wordOf(known: object, name: string): string {
  const word: unknown = Object.hasOwn(known, name) ? Reflect.get(known, name) : undefined;
  return typeof word === "string" ? word : name;
}

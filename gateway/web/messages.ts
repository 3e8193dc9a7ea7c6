import { signal } from "@preact/signals";
import { ApiError } from "./api.ts";
import { after } from "./browser.ts";
import { wordOf, words } from "./text/text.ts";

// What the page tells in passing.

interface Message {
  readonly id: number;
  readonly tone: "good" | "bad";
  readonly text: string;
}

export const shown = signal<readonly Message[]>([]);
let made = 0;

export function drop(id: number): void {
  shown.value = shown.value.filter((one) => one.id !== id);
}

/** Tells what happened, politely; what went wrong stays until it is closed. */
export function tell(text: string, tone: "good" | "bad" = "good"): void {
  const id = ++made;
  shown.value = [...shown.value.slice(-2), { id, tone, text }];
  if (tone === "good") after(6000, () => drop(id));
}

export function showError(error: unknown): void {
  const { title, detail } = errorWords(error);
  tell(detail ? `${title}. ${detail}` : title, "bad");
}

/** What an error is called, and what the gateway says of it. */
export function errorWords(error: unknown): { title: string; detail?: string; hint?: string; code?: string } {
  const { errors } = words.value;
  if (!(error instanceof ApiError))
    return { title: errors.unexpected, detail: error instanceof Error ? error.message : String(error) };
  if (error.status === 0) return { title: errors.unreachable, hint: errors.unreachableHint };
  const known = wordOf(errors, error.code);
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  if (known === error.code) return { title: error.message, ...hint, code: error.code };
  // What the title says in full already.
  if (error.code === "wrong-login" || error.code === "login-needed") return { title: known };
  return { title: known, detail: error.message, ...hint, code: error.code };
}

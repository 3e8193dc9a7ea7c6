import { type Draft, emptyDraft } from "./draft.ts";

// What was typed of a device that is not added yet stays in this browser, so that a page that is loaded anew, or a
// phone call in between, costs nothing.

const keyFor = (key: string) => `stadsnod-draft ${key}`;

export function keptDraft(key: string): Draft | undefined {
  try {
    const text = sessionStorage.getItem(keyFor(key));
    const kept: unknown = text === null ? undefined : JSON.parse(text);
    return kept && typeof kept === "object" ? { ...emptyDraft, ...kept } : undefined;
  } catch {
    return undefined;
  }
}

export function keepDraft(key: string, draft: Draft): void {
  try {
    sessionStorage.setItem(keyFor(key), JSON.stringify(draft));
  } catch {
    // A private window keeps nothing: then it is typed again.
  }
}

export function dropDraft(key: string): void {
  try {
    sessionStorage.removeItem(keyFor(key));
  } catch {
    // As above.
  }
}

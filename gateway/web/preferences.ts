import { effect, signal } from "@preact/signals";

export const languages = ["sv", "en"] as const;
export type Language = (typeof languages)[number];
export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** What the browser keeps; a browser that keeps nothing is asked anew each time. */
function kept<T extends string>(key: string, allowed: readonly T[]): T | undefined {
  try {
    const text = localStorage.getItem(key);
    return allowed.find((one) => one === text);
  } catch {
    return undefined;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows of some browsers keep nothing.
  }
}

const spoken = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === "sv" || tag === "en");

export const language = signal<Language>(
  kept("stadsnod-language", languages) ?? (spoken === "sv" ? "sv" : "en"),
);
export const theme = signal<Theme>(kept("stadsnod-theme", themes) ?? "system");

/** Keeps `<html>` and the browser's storage in step with what was chosen. */
export function followPreferences(): void {
  const root = document.documentElement;
  let first = true;
  effect(() => {
    root.lang = language.value;
    if (!first) keep("stadsnod-language", language.value);
  });
  effect(() => {
    if (theme.value === "system") delete root.dataset.theme;
    else root.dataset.theme = theme.value;
    if (!first) keep("stadsnod-theme", theme.value);
  });
  first = false;
}

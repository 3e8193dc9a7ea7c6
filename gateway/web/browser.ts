import { type ReadonlySignal, signal } from "@preact/signals";

// What the page takes from the browser beside what it shows: time and chance, in one place.

/** Unix ms of this browser, which may differ from the gateway's. */
export const now = (): number => Date.now();

export interface Timer {
  stop(): void;
}

export function after(ms: number, run: () => void): Timer {
  const id = setTimeout(run, ms);
  return { stop: () => clearTimeout(id) };
}

/** Runs once the browser draws next. */
export function nextFrame(run: () => void): void {
  requestAnimationFrame(run);
}

const ticking = signal(now());

/** `now()`, once a second: ages follow it. */
export const second: ReadonlySignal<number> = ticking;

setInterval(() => {
  if (!document.hidden) ticking.value = now();
}, 1000);
document.addEventListener("visibilitychange", () => {
  ticking.value = now();
});

/** From 0 to below 1. */
export const chance = (): number => Math.random();

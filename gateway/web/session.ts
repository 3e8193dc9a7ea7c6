import { computed, signal } from "@preact/signals";
import { ApiError, ask, loginNeeded, post } from "./api.ts";
import type { Role, SessionJson } from "./types.ts";

/** `undefined`: not asked yet; `null`: nobody is logged in. */
export const session = signal<SessionJson | null | undefined>(undefined);

const order: readonly Role[] = ["viewer", "technician", "operator", "admin"];

/** Whether who is logged in may do what needs this role. What one may not do is not offered. */
export function may(needed: Role): boolean {
  const mine = session.value?.role;
  return mine !== undefined && order.indexOf(mine) >= order.indexOf(needed);
}

export const loggedIn = computed(() => session.value != null && !session.value.mustChange);

/** Asks who one is. Rejects with ApiError when the gateway cannot be reached. */
export async function findSession(): Promise<void> {
  try {
    session.value = await ask<SessionJson>("/v1/session");
    loginNeeded.value = false;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) throw error;
    session.value = null;
  }
}

export async function logIn(user: string, password: string): Promise<void> {
  const { token: _kept, ...who } = await post<SessionJson & { token: string }>("/v1/login", {
    user,
    password,
  });
  loginNeeded.value = false;
  session.value = who;
}

export async function logOut(): Promise<void> {
  await post("/v1/logout");
  session.value = null;
}

/** Rejects with ApiError `wrong-login`, `weak-password`. */
export async function changePassword(old: string, chosen: string): Promise<void> {
  await post("/v1/password", { old, new: chosen });
  if (session.value) session.value = { ...session.value, mustChange: false };
}

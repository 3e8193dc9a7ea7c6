import type { ListedDevice } from "../gateway/routes.ts";

/** Devices of a gateway that is deployed, with points and present values. Rejects with Error, its message for people. */
export async function listDevices(gateway: string): Promise<readonly ListedDevice[]> {
  // Relative: it goes where the editor came from, with the editor's own token.
  return await ask(() => $.getJSON(`stadsnod/${encodeURIComponent(gateway)}/devices`));
}

/** An admin route's answer; its refusal as an Error. */
export async function ask<T>(send: () => JQuery.jqXHR): Promise<T> {
  try {
    return await send();
  } catch (failed) {
    const told: unknown = Reflect.get(Object(failed), "responseJSON");
    const message: unknown = Reflect.get(Object(told), "message");
    const status: unknown = Reflect.get(Object(failed), "status");
    throw new Error(typeof message === "string" ? message : `HTTP ${String(status)}`, { cause: failed });
  }
}

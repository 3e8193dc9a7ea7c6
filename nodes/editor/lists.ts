import type { ListedDevice } from "../gateway/routes.ts";
import { red } from "./red.ts";

/** Devices of a gateway with points and present values. Rejects with Error, its message for people. */
export async function listDevices(gateway: string): Promise<readonly ListedDevice[]> {
  // Relative: it goes where the editor came from, with the editor's own token.
  const config: unknown = red.nodes.node(gateway);
  const isDeployed = !Reflect.get(Object(config), "changed");
  if (isDeployed) return await ask(() => $.getJSON(`stadsnod/${encodeURIComponent(gateway)}/devices`));
  const field = (name: string) => Reflect.get(Object(config), name);
  const credentials = Object(field("credentials"));
  return await post("stadsnod/devices", {
    id: gateway,
    connection: field("connection"),
    socket: field("socket"),
    url: field("url"),
    fingerprint: field("fingerprint"),
    token: Reflect.get(credentials, "token"),
  });
}

/** As `ask`, with a body. */
export function post<T>(url: string, body: object): Promise<T> {
  return ask(() =>
    $.ajax({ url, method: "POST", contentType: "application/json", data: JSON.stringify(body) }),
  );
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

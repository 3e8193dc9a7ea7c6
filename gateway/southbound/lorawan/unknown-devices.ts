import type { Instant } from "../../model/clock.ts";
import type { UnknownDevice } from "../protocol.ts";
import type { Sender, Uplink } from "./bridge.ts";

/** Devices that are remembered; of more the one that was silent longest is forgotten. */
const mostDevices = 100;

/** Who speaks in the application and is not configured. */
export class UnknownDevices {
  readonly #devices = new Map<string, UnknownDevice>();

  get size(): number {
    return this.#devices.size;
  }

  heard(uplink: Uplink, at: Instant): void {
    const key = keyOf(uplink);
    const { devEui, deviceId, name, hint, fPort, fCnt, data, object } = uplink;
    const heard = (this.#devices.get(key)?.heard ?? 0) + 1;
    this.#devices.delete(key);
    this.#devices.set(key, {
      settings: { devEui, ...(deviceId === undefined ? {} : { deviceId }) },
      name: name ?? deviceId,
      model: modelName(hint),
      heard,
      lastHeard: at,
      given: {
        ...(data ? { payload: Buffer.from(data).toString("hex") } : {}),
        fPort,
        fCnt,
        ...(object ? { object } : {}),
      },
    });
    for (const oldest of this.#devices.keys()) {
      if (this.#devices.size <= mostDevices) break;
      this.#devices.delete(oldest);
    }
  }

  forget(sender: Sender): void {
    this.#devices.delete(keyOf(sender));
  }

  /** The latest first. */
  list(): readonly UnknownDevice[] {
    return [...this.#devices.values()].reverse();
  }
}

function keyOf({ devEui, deviceId }: Sender): string {
  return devEui === "" ? `id ${deviceId}` : devEui;
}

function modelName(hint: Uplink["hint"]): string | undefined {
  if (!hint) return undefined;
  if (hint.brand !== undefined) return hint.model === undefined ? hint.brand : `${hint.brand}/${hint.model}`;
  return hint.name ?? hint.id;
}

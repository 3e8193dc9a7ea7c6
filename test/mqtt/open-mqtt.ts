import { silentLog } from "../../gateway/model/log.ts";
import { mqtt } from "../../gateway/northbound/mqtt/mqtt.ts";
import type { Northbound, NorthboundContext, OutgoingPack } from "../../gateway/northbound/northbound.ts";
import { realClock } from "./real-clock.ts";

export const lastWill = Buffer.from("offline");

/** The MQTT northbound against a real socket: real time, no pause before a reconnect. */
export function openMqtt(
  settings: Record<string, unknown>,
  context: Partial<NorthboundContext> = {},
): Promise<Northbound> {
  return mqtt.open(mqtt.settings.parse(settings), {
    clock: realClock,
    random: () => 0,
    log: silentLog,
    gateway: "gw1",
    run: "run1",
    lastWill,
    signal: new AbortController().signal,
    ...context,
  });
}

/** A pack of which nobody looks at the inside. */
export function packOf(seq: number, bytes: Uint8Array = Buffer.from(`pack ${seq}`)): OutgoingPack {
  return { lane: "live", audience: "open", run: "run1", seq, seqTo: seq, bytes };
}

export const never = new AbortController().signal;

/** Resolves with the first problem that the northbound reports. */
export async function problemOf(
  northbound: Northbound,
): Promise<{ code: string; message: string; hint?: string | undefined }> {
  for (;;) {
    const { lastError } = northbound.status();
    if (lastError) return lastError;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

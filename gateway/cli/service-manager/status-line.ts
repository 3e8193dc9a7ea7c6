import type { GatewayStatus } from "../../local/surface.ts";

/** What `systemctl status` shows: how many devices answer, who is reached, what waits. */
export function statusLine({ devices, northbound, quarantined }: GatewayStatus): string {
  const available = devices.filter(({ state }) => state === "available").length;
  const sides = northbound.map(({ name, connected, outbox }) => {
    const waiting = outbox.packs > 0 ? `, ${outbox.packs} packs wait` : "";
    const disk = outbox.disk === "ok" ? "" : `, disk ${outbox.disk}`;
    return `${name} ${connected ? "connected" : "away"}${waiting}${disk}`;
  });
  const problems = quarantined.length > 0 ? [`${quarantined.length} parts did not start`] : [];
  return [`devices ${available} of ${devices.length}`, ...sides, ...problems].join("; ");
}

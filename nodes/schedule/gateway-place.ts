import type { Client } from "../client/client.ts";
import type { WrittenPlace } from "./settings.ts";

/** What of the gateway's status matters for a schedule. */
interface Status {
  readonly clock?: { readonly trusted?: boolean };
  readonly position?: { readonly lat: number; readonly lon: number };
  readonly timeZone?: string;
}

export interface GatewayPlace {
  readonly clockTrusted: boolean;
  readonly position: { readonly lat: number; readonly lon: number } | undefined;
  readonly timeZone: string | undefined;
}

/** Rejects with ClientError. */
export async function gatewayPlace(client: Client): Promise<GatewayPlace> {
  const { clock, position, timeZone } = await client.get<Status>("/v1/status");
  return { clockTrusted: clock?.trusted !== false, position, timeZone };
}

/** What is written goes before what the gateway says. */
export function filledIn(written: WrittenPlace, known: GatewayPlace | undefined): WrittenPlace {
  const { position, timeZone } = known ?? {};
  const isPlaced = Boolean(written.lat || written.lon);
  return {
    timeZone: written.timeZone || timeZone || "Europe/Stockholm",
    lat: isPlaced || !position ? written.lat : String(position.lat),
    lon: isPlaced || !position ? written.lon : String(position.lon),
    sweden: written.sweden,
    eves: written.eves,
    extra: written.extra,
  };
}

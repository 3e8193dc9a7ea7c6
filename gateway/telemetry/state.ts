import { type CborValue, encodeCbor } from "../codec/cbor.ts";
import type { OutboxStatus, PreviousRun } from "../outbox/outbox.ts";

export interface DeviceAvailability {
  readonly id: string;
  /** Undefined while nothing is known: never asked, or not answered yet. */
  readonly available: boolean | undefined;
  /** Unix ms of the last change, while the clock is trusted. */
  readonly since?: number | undefined;
  /** Error code, when not available. */
  readonly why?: string | undefined;
}

export interface GatewayState {
  readonly gateway: string;
  readonly run: string;
  readonly version: string;
  /** Unix ms; undefined while the clock is not trusted. */
  readonly time?: number | undefined;
  readonly clockTrusted: boolean;
  readonly outbox: OutboxStatus;
  readonly devices: readonly DeviceAvailability[];
  /** Per audience the last seq of this run up to which everything is stored or told in a gap. */
  readonly lastSeqs: readonly { readonly audience: string; readonly lastSeq: number }[];
  /** What earlier runs are known to have stored. */
  readonly previousRuns: readonly PreviousRun[];
  /** Number and hash (hex) of the audit log's last line: told to the far side, nobody can rewrite what is before it unnoticed. */
  readonly audit?: { readonly n: number; readonly hash: string } | undefined;
}

/** The retained body of `state` while the gateway lives: deterministic CBOR, keys as in docs/telemetry.cddl. */
export function encodeState(state: GatewayState): Uint8Array {
  const { outbox } = state;
  return encodeCbor({
    state: "online",
    gw: state.gateway,
    run: state.run,
    version: state.version,
    time: whole(state.time),
    clock: state.clockTrusted ? "trusted" : "untrusted",
    outbox: {
      packs: outbox.packs,
      bytes: outbox.bytes,
      readings: outbox.readings,
      oldest: Math.round(outbox.oldestMs),
      disk: outbox.disk,
      volatile: outbox.volatile,
      quarantined: outbox.quarantined,
    },
    devices: new Map(state.devices.map((device) => [device.id, encodeDevice(device)])),
    seq: new Map(state.lastSeqs.map(({ audience, lastSeq }) => [audience, lastSeq])),
    audit: state.audit && { n: state.audit.n, hash: state.audit.hash },
    previous: state.previousRuns.map(({ run, audience, lastSeq }) => ({ run, aud: audience, seq: lastSeq })),
  });
}

/** How a clean stop ends a run. */
export interface CleanStop extends Pick<GatewayState, "lastSeqs"> {
  /** Unix ms; undefined while the clock is not trusted. */
  readonly time?: number | undefined;
}

/**
 * The retained body that says "offline": left with the broker as last will, and published as the last word of a clean
 * stop, with what the whole run has stored. Without `stop` nobody announced the end.
 */
export function encodeOffline(gateway: string, run: string, version: string, stop?: CleanStop): Uint8Array {
  const seq = stop && new Map(stop.lastSeqs.map(({ audience, lastSeq }) => [audience, lastSeq]));
  return encodeCbor({ state: "offline", gw: gateway, run, version, stopped: whole(stop?.time), seq });
}

function encodeDevice({ available, since, why }: DeviceAvailability): CborValue {
  const state = available === undefined ? "unknown" : available ? "available" : "unavailable";
  return { state, since: whole(since), why };
}

function whole(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms);
}

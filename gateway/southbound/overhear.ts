import type { Endpoint } from "../transport/transport.ts";
import { Exchange } from "./exchange.ts";
import type { SouthboundContext } from "./protocol.ts";

/** Bytes that came without a pause between them. */
export interface Burst {
  readonly bytes: Uint8Array;
  /** Ms of silence before it; undefined of the first. */
  readonly after: number | undefined;
}

export interface OverhearOptions {
  readonly listenMs: number;
  /** Silence that parts two bursts, ms. */
  readonly pauseMs: number;
  /** Said first, to those that speak only when they are asked. */
  readonly send?: Uint8Array | undefined;
}

/** More says nothing new. */
const mostBytes = 64 * 1024;

/**
 * What a line says in a while, or until there is more than enough. Rejects with LinkError or the
 * signal's reason.
 */
export async function overhear(
  endpoint: Endpoint,
  { listenMs, pauseMs, send }: OverhearOptions,
  { connect, clock, signal }: SouthboundContext,
): Promise<readonly Burst[]> {
  const bursts: { chunks: Uint8Array[]; after: number | undefined }[] = [];
  const enough = new AbortController();
  let heard = 0;
  let lastAt: number | undefined;
  const transport = await connect(endpoint, signal);
  await using exchange = new Exchange<never>(
    transport,
    {
      statistics: {},
      push(chunk, at) {
        if (enough.signal.aborted) return [];
        const silence = lastAt === undefined ? undefined : at - lastAt;
        lastAt = at;
        const current = bursts.at(-1);
        if (current && (silence ?? 0) < pauseMs) current.chunks.push(chunk.slice());
        else bursts.push({ chunks: [chunk.slice()], after: silence });
        heard += chunk.length;
        if (heard >= mostBytes) enough.abort();
        return [];
      },
    },
    clock,
  );
  if (send) await exchange.write(send);
  try {
    await clock.sleep(listenMs, AbortSignal.any([signal, exchange.lost, enough.signal]));
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  return bursts.map(({ chunks, after }) => ({ bytes: Buffer.concat(chunks), after }));
}

import type { Connect, Transport } from "../transport/transport.ts";
import type { Turn } from "./protocol.ts";

/** Bytes of one dialogue that are kept; what comes later is not recorded. */
const mostBytes = 256 * 1024;

/** Connections whose bytes are written down on the way, for `profile record`. */
export function tap(connect: Connect): { readonly connect: Connect; turns(): readonly Turn[] } {
  const turns: { sent: Uint8Array; received: Uint8Array }[] = [];
  let kept = 0;
  const keep = (bytes: Uint8Array): boolean => {
    kept += bytes.length;
    return kept <= mostBytes;
  };
  return {
    connect: async (endpoint, signal) =>
      tapped(
        await connect(endpoint, signal),
        (bytes) => {
          if (keep(bytes)) turns.push({ sent: bytes.slice(), received: new Uint8Array() });
        },
        (bytes) => {
          if (!keep(bytes)) return;
          const last = turns.at(-1);
          if (last) last.received = Buffer.concat([last.received, bytes]);
          else turns.push({ sent: new Uint8Array(), received: bytes.slice() });
        },
      ),
    turns: () => turns,
  };
}

function tapped(
  transport: Transport,
  sent: (bytes: Uint8Array) => void,
  received: (bytes: Uint8Array) => void,
): Transport {
  return {
    endpoint: transport.endpoint,
    lost: transport.lost,
    ...(transport.break && { break: (ms: number) => transport.break?.(ms) ?? Promise.resolve() }),
    write: (bytes) => {
      sent(bytes);
      return transport.write(bytes);
    },
    receive: (receiver) =>
      transport.receive(
        receiver &&
          ((chunk, at) => {
            received(chunk);
            receiver(chunk, at);
          }),
      ),
    expect: (bytes, at) => transport.expect?.(bytes, at),
    allowLate: () => transport.allowLate?.(),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

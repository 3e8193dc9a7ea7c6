import { inflateSync, zstdDecompressSync } from "node:zlib";

/** Larger packs are refused, before and after they are unpacked. */
export const mostBytes = 4 * 1024 * 1024;

/** Bytes of a pack, unpacked as the end of its topic says: `112`, `112-zstd`, `112-deflate`; anything else is taken as it is. Throws RangeError. */
export function unpack(bytes: Uint8Array, topic: string): Uint8Array {
  if (bytes.length > mostBytes) throw new RangeError(`more than ${mostBytes} bytes`);
  const inflate = topic.endsWith("/112-zstd")
    ? zstd()
    : topic.endsWith("/112-deflate")
      ? inflateSync
      : undefined;
  if (!inflate) return bytes;
  try {
    return inflate(bytes, { maxOutputLength: mostBytes });
  } catch (cause) {
    throw new RangeError(`it does not unpack: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

function zstd(): typeof zstdDecompressSync {
  // Node.js has it since 22.15.
  if (typeof zstdDecompressSync === "function") return zstdDecompressSync;
  throw new RangeError(
    "this Node.js cannot unpack zstd: use 22.15 or newer, or let the gateway send deflate",
  );
}

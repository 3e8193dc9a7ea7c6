import type { Quality } from "../../model/quality.ts";
import type { Uplink } from "./bridge.ts";
import { compileHead } from "./layout.ts";
import type { LoraHead } from "./settings.ts";

/** A codec script, ready. Its calls never reject. */
export interface ScriptCodec {
  encodeDownlink(input: { readonly data: Readonly<Record<string, number | string | boolean>> }): Promise<{
    readonly bytes?: Uint8Array | undefined;
    readonly fPort?: number | undefined;
    readonly errors: readonly string[];
  }>;
  decodeUplink(input: {
    readonly bytes: Uint8Array;
    readonly fPort: number;
    /** Unix ms. */
    readonly recvTime: number;
  }): Promise<{
    readonly data?: unknown;
    readonly errors: readonly string[];
    readonly warnings: readonly string[];
  }>;
}

export type DecodedUplink =
  | {
      readonly kind: "decoded";
      readonly by: "layout" | "script" | "server";
      readonly data: Readonly<Record<string, unknown>>;
      readonly quality?: Readonly<Record<string, Quality>> | undefined;
      readonly warnings: readonly string[];
    }
  /** There was nothing to decode. */
  | { readonly kind: "empty" }
  | { readonly kind: "encrypted" }
  | { readonly kind: "undecoded"; readonly reasons: readonly string[] };

/**
 * An uplink's payload as data: by the layout, else by the codec script, else by the server where the
 * profile allows it. Half a decoding is none.
 */
export async function decodeUplink(
  head: LoraHead,
  uplink: Uplink,
  receivedMs: number,
  script?: ScriptCodec,
): Promise<DecodedUplink> {
  if (uplink.encrypted) return { kind: "encrypted" };
  const { data: bytes, fPort } = uplink;
  const { payload, problem } = compileHead(head);
  const reasons: string[] = problem ? [problem.message] : [];
  if (bytes && payload) {
    const { data, errors, warnings, quality } = payload.decode(bytes, {
      port: fPort,
      direction: "uplink",
      metadata: { recvTime: new Date(receivedMs).toISOString(), fPort, devEui: uplink.devEui },
    });
    if (errors.length === 0) return { kind: "decoded", by: "layout", data, quality, warnings };
    reasons.push(...errors);
  }
  if (bytes && script) {
    const { data, errors, warnings } = await script.decodeUplink({ bytes, fPort, recvTime: receivedMs });
    if (errors.length === 0 && isRecord(data)) return { kind: "decoded", by: "script", data, warnings };
    reasons.push(...(errors.length > 0 ? errors : ["the codec script gave no object"]));
  }
  if (head.serverDecodes && uplink.object)
    return { kind: "decoded", by: "server", data: uplink.object, warnings: [] };
  if (!bytes || bytes.length === 0) return { kind: "empty" };
  return { kind: "undecoded", reasons };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import { toHex } from "../../codec/hex.ts";
import type { Turn } from "../protocol.ts";
import { TcpFramer } from "./mbap.ts";
import { decodeRtu, encodeRtu } from "./rtu.ts";
import type { ModbusGiven } from "./schema.ts";
import type { ModbusConnection } from "./settings.ts";

/** A tapped dialogue as whole RTU frames, as examples have them; turns without a good answer are left out. */
export function recordModbus(dialogue: readonly Turn[], { framing }: ModbusConnection): ModbusGiven {
  const exchange = dialogue.flatMap(({ sent, received }) => {
    const request = framing === "tcp" ? fromTcp(sent) : whole(sent);
    const reply = framing === "tcp" ? fromTcp(received) : whole(received);
    return request && reply ? [{ ">": toHex(request), "<": toHex(reply) }] : [];
  });
  return { exchange };
}

function fromTcp(bytes: Uint8Array): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  new TcpFramer().push(bytes, ({ unit, pdu }) => {
    found ??= encodeRtu(unit, pdu);
  });
  return found;
}

function whole(bytes: Uint8Array): Uint8Array | undefined {
  return decodeRtu(bytes) ? bytes : undefined;
}

// What docs/telemetry.md prints for others, kept honest by commands.test.ts. It knows nothing of the gateway.
import { type KeyObject, sign } from "node:crypto";
import { encode } from "cborg";

export function signCommand(command: object, key: KeyObject, kid: string, gateway: string, device: string) {
  const header = encode(new Map<number, unknown>().set(1, -19).set(4, Buffer.from(kid)));
  const body = encode(command);
  const external = encode(["stadsnod-command-v1", gateway, device]);
  const signature = sign(null, encode(["Signature1", header, external, body]), key);
  return Uint8Array.of(0xd2, ...encode([header, new Map(), body, signature]));
}

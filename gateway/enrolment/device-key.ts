import { createPublicKey, type KeyObject, sign } from "node:crypto";
import type { Disk } from "../store/disk.ts";
import { openIdentityKey } from "../store/identity-key.ts";

/**
 * The key that a gateway is known by, wherever it lies. Whoever signs with it never sees it, so that a TPM or a
 * PKCS #11 token can take the place of the file.
 */
export interface DeviceKey {
  readonly publicKey: KeyObject;
  /** ECDSA with SHA-256 over `data`, DER (RFC 3279 section 2.2.3). */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /**
   * PKCS #8 PEM for TLS; undefined where the key cannot be taken out. Node.js takes a key for TLS as PEM only (an
   * OpenSSL engine or provider needs a build of its own), so with such a key a certificate can be got and not used
   * for mutual TLS: no implementation for a TPM stands here until that can be done.
   */
  readonly tlsKey: string | undefined;
}

/** The key in the file that `store/identity-key.ts` keeps; made when there is none. Rejects with StorageError. */
export async function openFileKey(disk: Disk): Promise<DeviceKey> {
  const key = await openIdentityKey(disk);
  return {
    publicKey: createPublicKey(key),
    sign: async (data) => sign("sha256", data, key),
    tlsKey: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** SubjectPublicKeyInfo, DER: what is compared when two keys are. */
export function publicKeyBytes(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

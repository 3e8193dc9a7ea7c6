import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { StorageError } from "../model/errors.ts";
import type { Disk } from "./disk.ts";
import { readText, replaceText } from "./documents.ts";

const name = "key.pem";

/**
 * The gateway's own key: EC P-256, made on the device when it is first needed, PKCS #8 PEM, never leaves it.
 * What it signs is known to come from this gateway. Rejects with StorageError; a key that is damaged is never
 * replaced by itself (`identity-damaged`): everybody knows the gateway by it.
 *
 * @param disk a folder of its own, whose files only the gateway may read (`privateFiles`)
 */
export async function openIdentityKey(disk: Disk): Promise<KeyObject> {
  const pem = await readText(disk, name, 4096);
  if (pem !== undefined) return parsed(pem);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await replaceText(disk, name, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  return privateKey;
}

function parsed(pem: string): KeyObject {
  let cause: unknown;
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyDetails?.namedCurve === "prime256v1") return key;
  } catch (error) {
    cause = error;
  }
  throw new StorageError("the gateway's own key cannot be read", {
    code: "identity-damaged",
    hint: `put the backup of ${name} back, or remove it: the gateway then makes a new one, and must be made known anew`,
    cause,
  });
}

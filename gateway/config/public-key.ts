import { createPublicKey } from "node:crypto";
import { resolve } from "node:path";
import { keyAlgorithm } from "../codec/cose.ts";

export interface KeyContext {
  /** Folder that relative paths start from. */
  readonly base: string;
  readonly readFile: (path: string) => string;
}

const wanted = "a public key in PEM: Ed25519, or ECDSA on P-256";

/**
 * A public key of gateway.yaml: the PEM text itself, so that one file can hold a whole configuration, or the path of
 * a file with it.
 * @param signs what its owner signs, for the message: `commands`
 * @returns the PEM, or what is wrong
 */
export function readPublicKey(
  written: string,
  signs: string,
  { base, readFile }: KeyContext,
): string | { readonly message: string; readonly hint: string } {
  let pem = written;
  if (!written.includes("-----BEGIN"))
    try {
      pem = readFile(resolve(base, written));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
      return {
        message: `the key ${written} cannot be read (${code})`,
        hint: "give the path of a public key in PEM, relative to this file, or the PEM itself",
      };
    }
  if (pem.includes("PRIVATE KEY"))
    return {
      message: `this is a private key: it belongs to the one who signs ${signs}, and nowhere else`,
      hint: "put the public key here: openssl pkey -in private.pem -pubout",
    };
  try {
    const key = createPublicKey(pem);
    return keyAlgorithm(key) === undefined
      ? { message: `a key of this kind (${key.asymmetricKeyType}) cannot sign ${signs}`, hint: wanted }
      : pem;
  } catch {
    return { message: "this is no key", hint: wanted };
  }
}

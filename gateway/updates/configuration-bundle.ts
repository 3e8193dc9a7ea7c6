import type { KeyObject } from "node:crypto";
import * as z from "zod";
import { encodeCbor } from "../codec/cbor.ts";
import { type DecodedCbor, decodeCbor } from "../codec/cbor-check.ts";
import { readSign1, verifySign1 } from "../codec/cose.ts";
import { FormatError } from "../codec/format-error.ts";
import { RefusedError } from "../model/errors.ts";
import type { Scope } from "./desired.ts";
import { isSemver } from "./semver.ts";

// gateway.yaml and profiles in one signed piece: docs/update.md has the CDDL.

/** Signature included. */
export const longestConfiguration = 256 * 1024;
const context = "stadsnod-configuration-v1";

/** `maker/model.yaml`: plain names, no way out of the folder. */
const profileFile = /^(?:[a-z0-9][a-z0-9-]{0,62}\/){0,3}[a-z0-9][a-z0-9._-]{0,62}\.yaml$/;
const bundleSchema = z.object({
  version: z.string().refine(isSemver),
  gateway: z.string().min(1).optional(),
  profiles: z.record(z.string().regex(profileFile), z.string().min(1)).default({}),
});
export type ConfigurationBundle = z.output<typeof bundleSchema>;

/** Reads a bundle that is for this scope and signed with a key that is trusted. Throws RefusedError `configuration-form` or `configuration-signature`. */
export function readConfigurationBundle(
  bytes: Uint8Array,
  scope: Scope,
  trust: ReadonlyMap<string, KeyObject>,
): ConfigurationBundle {
  try {
    const message = readSign1(bytes, { maxBytes: longestConfiguration });
    const key = trust.get(Buffer.from(message.keyId ?? []).toString("utf8"));
    if (!key || !verifySign1(message, encodeCbor([context, scope.kind, scope.name]), key))
      throw new RefusedError(`nobody who is trusted has signed this configuration for this ${scope.kind}`, {
        code: "configuration-signature",
      });
    const limits = { maxBytes: longestConfiguration, maxDepth: 3, maxItems: 1024 };
    const read = bundleSchema.safeParse(plain(decodeCbor(message.payload, limits)));
    if (read.success) return read.data;
    const [first] = read.error.issues;
    throw new RefusedError(`${first?.path.join(".") || "the whole"}: ${first?.message ?? "wrong"}`, {
      code: "configuration-form",
    });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new RefusedError(error.message, { code: "configuration-form" });
  }
}

function plain(value: DecodedCbor): unknown {
  if (!(value instanceof Map)) return value;
  return Object.fromEntries(Array.from(value, ([key, item]) => [String(key), plain(item)]));
}

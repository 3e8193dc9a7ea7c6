import { createHash, type KeyObject } from "node:crypto";
import * as z from "zod";
import { encodeCbor } from "../codec/cbor.ts";
import { type DecodedCbor, decodeCbor } from "../codec/cbor-check.ts";
import { readSign1, verifySign1 } from "../codec/cose.ts";
import { FormatError } from "../codec/format-error.ts";
import { RefusedError } from "../model/errors.ts";
import { longestDesiredState } from "../northbound/northbound.ts";
import { isSemver } from "./semver.ts";
import { isWindow } from "./window.ts";

// What the city wants of one gateway or of a group of them: docs/update.md has the CDDL.

/** Whose desired state it is, from the topic; signed with it, so that one for a group is none for another. */
export interface Scope {
  readonly kind: "gateway" | "group";
  readonly name: string;
}

export const longestDesired = longestDesiredState;
/** First item of what is signed beside the message. */
const context = "stadsnod-desired-v1";

const artifact = {
  version: z.string().refine(isSemver),
  url: z.string().startsWith("https://").max(2048),
  sha256: z.instanceof(Uint8Array).refine((bytes) => bytes.length === 32),
  rollout: z.string().min(1).max(128).optional(),
  /** Of the gateways that it is for; 100 where not given. */
  percentage: z.number().min(0).max(100).default(100),
  /** Unix seconds. */
  notBefore: z.int().min(0).optional(),
  window: z.string().refine(isWindow).optional(),
};
const desiredSchema = z.object({
  serial: z.int().min(1),
  system: z.object({ ...artifact, allowDowngrade: z.boolean().default(false) }).optional(),
  configuration: z.object(artifact).optional(),
});
export type Desired = z.output<typeof desiredSchema>;
export type DesiredSystem = NonNullable<Desired["system"]>;

/**
 * Reads what came on a topic and verifies who said it. Keys that are not known are left out: what comes later
 * must be able to say more. Throws RefusedError: `desired-too-large`, `desired-form`, `desired-unsigned`,
 * `desired-signature`.
 */
export function readDesired(
  bytes: Uint8Array,
  scope: Scope,
  trust: ReadonlyMap<string, KeyObject>,
): { readonly desired: Desired; readonly signedBy: string } {
  if (bytes.length > longestDesired)
    throw refuse("desired-too-large", `a desired state has at most ${longestDesired} bytes`);
  const { name, payload } = verified(bytes, scope, trust);
  let body: DecodedCbor;
  try {
    body = decodeCbor(payload, { maxBytes: longestDesired, maxDepth: 4, maxItems: 128 });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw refuse("desired-form", error.message);
  }
  const read = desiredSchema.safeParse(plain(body));
  if (read.success) return { desired: read.data, signedBy: name };
  const [first] = read.error.issues;
  throw refuse("desired-form", `${first?.path.join(".") || "the whole"}: ${first?.message ?? "wrong"}`);
}

function verified(bytes: Uint8Array, scope: Scope, trust: ReadonlyMap<string, KeyObject>) {
  try {
    const message = readSign1(bytes, { maxBytes: longestDesired });
    if (message.keyId === undefined) throw refuse("desired-unsigned", "no `kid` says whose signature it is");
    const name = Buffer.from(message.keyId).toString("utf8");
    const key = trust.get(name);
    if (!key) throw refuse("desired-signature", "the key that signed it is not one of `updates.trust`");
    if (!verifySign1(message, encodeCbor([context, scope.kind, scope.name]), key))
      throw refuse("desired-signature", `it is not signed by ${name} for this ${scope.kind}`);
    return { name, payload: message.payload };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw refuse("desired-unsigned", error.message);
  }
}

/** Maps with text keys as objects; others say nothing here. */
function plain(value: DecodedCbor): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries(
    Array.from(value).flatMap(([key, item]) => (typeof key === "string" ? [[key, plain(item)]] : [])),
  );
}

/**
 * Whether a gateway is among the first `percentage` of a rollout: always the same ones for one rollout, others for
 * the next, and whoever was in at 10 is in at 50. Computed from the first 48 bits of SHA-256 of `rollout`, a zero byte and the id.
 */
export function inRollout(gateway: string, rollout: string, percentage: number): boolean {
  const digest = createHash("sha256").update(rollout).update("\0").update(gateway).digest();
  return (digest.readUIntBE(0, 6) / 2 ** 48) * 100 < percentage;
}

function refuse(code: string, message: string): RefusedError {
  return new RefusedError(message, { code });
}

import { encode } from "cborg";
import { type SigningKey, signBeside } from "./city-control.ts";

// The city's side of updates in small, written from docs/update.md: what it wants, signed, for a retained topic.

export interface Artifact {
  readonly version: string;
  readonly url: string;
  /** Hex. */
  readonly sha256: string;
  readonly rollout?: string;
  readonly percentage?: number;
  /** Unix seconds. */
  readonly notBefore?: number;
  readonly window?: string;
  readonly allowDowngrade?: boolean;
}

export interface Wanted {
  readonly serial: number;
  readonly system?: Artifact;
  readonly configuration?: Artifact;
  readonly [more: string]: unknown;
}

/** The topic and the retained body. */
export function desiredState(
  wanted: Wanted,
  {
    key,
    kind,
    name,
    root = "stadsnod",
  }: {
    readonly key: SigningKey;
    readonly kind: "gateway" | "group";
    readonly name: string;
    readonly root?: string;
  },
): { readonly topic: string; readonly body: Uint8Array } {
  const written = Object.fromEntries(
    Object.entries(wanted).map(([field, value]) => [field, isArtifact(value) ? written1(value) : value]),
  );
  const body = signBeside(encode(written), key, ["stadsnod-desired-v1", kind, name]);
  return { topic: `${root}/v1/desired/${kind}/${name}`, body };
}

function isArtifact(value: unknown): value is Artifact {
  return typeof value === "object" && value !== null && "sha256" in value;
}

function written1({ sha256, ...rest }: Artifact) {
  return { ...rest, sha256: Buffer.from(sha256, "hex") };
}

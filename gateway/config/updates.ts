import { createPublicKey } from "node:crypto";
import { resolve } from "node:path";
import * as z from "zod";
import { keyAlgorithm } from "../codec/cose.ts";
import { diagnose, type Path, type YamlDocument } from "../codec/yaml.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { isWindow } from "../updates/window.ts";

// `updates:` of gateway.yaml: whose desired state counts, and when the system may be written.

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: "lower-case letters, digits and hyphens, such as pilot",
});

export const updatesSchema = z.strictObject({
  trust: z.record(z.string().min(1).max(64), z.strictObject({ key: z.string().min(1) })).default({}),
  groups: z.array(name).max(16).default([]),
  window: z.string().refine(isWindow, { error: "times of day such as 01:00-04:00" }).optional(),
});
export type WrittenUpdates = z.output<typeof updatesSchema>;

export interface UpdateRules {
  /** Public keys in PEM by key id: whose desired state counts. */
  readonly trust: ReadonlyMap<string, string>;
  /** Whose desired states this gateway follows besides its own; the first that says something counts. */
  readonly groups: readonly string[];
  /** Times of day for what the city wants, unless it says others. */
  readonly window?: string | undefined;
}

/** A key that cannot be used is an error: updates must not be half open. */
export function buildUpdates(
  written: WrittenUpdates,
  context: { readonly document: YamlDocument; readonly base: string; readFile(path: string): string },
): { readonly rules: UpdateRules; readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const report = (path: Path, message: string) =>
    diagnostics.push(
      diagnose(context.document, ["updates", ...path], "value", {
        severity: "error",
        code: "bad-key",
        message,
        hint: "give the path of a public key in PEM, Ed25519 or ECDSA on P-256, relative to this file",
      }),
    );
  const trust = new Map<string, string>();
  for (const [kid, { key }] of Object.entries(written.trust)) {
    const path = ["trust", kid, "key"];
    let pem: string;
    try {
      pem = context.readFile(resolve(context.base, key));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
      report(path, `the key ${key} cannot be read (${code})`);
      continue;
    }
    const wrong = problemOf(pem);
    if (wrong === undefined) trust.set(kid, pem);
    else report(path, wrong);
  }
  const { groups, window } = written;
  return { rules: { trust, groups, window }, diagnostics };
}

function problemOf(pem: string): string | undefined {
  if (pem.includes("PRIVATE KEY"))
    return "this is a private key: it belongs to the one who signs updates, and nowhere else";
  try {
    return keyAlgorithm(createPublicKey(pem)) === undefined
      ? "a key of this kind cannot sign a desired state"
      : undefined;
  } catch {
    return "this is no key";
  }
}

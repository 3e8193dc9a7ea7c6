import * as z from "zod";
import { diagnose, type Path, type YamlDocument } from "../codec/yaml.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { isWindow } from "../updates/window.ts";
import { readPublicKey } from "./public-key.ts";

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
  const report = (path: Path, wrong: { readonly message: string; readonly hint: string }) =>
    diagnostics.push(
      diagnose(context.document, ["updates", ...path], "value", {
        severity: "error",
        code: "bad-key",
        ...wrong,
      }),
    );
  const trust = new Map<string, string>();
  for (const [kid, { key }] of Object.entries(written.trust)) {
    const pem = readPublicKey(key, "updates", context);
    if (typeof pem === "string") trust.set(kid, pem);
    else report(["trust", kid, "key"], pem);
  }
  const { groups, window } = written;
  return { rules: { trust, groups, window }, diagnostics };
}

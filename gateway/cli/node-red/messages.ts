/** What Node-RED's process tells its supervisor. */
export type ChildMessage =
  /** With its resident memory. */
  | { readonly kind: "alive"; readonly bytes: number }
  | { readonly kind: "loaded" }
  | { readonly kind: "deployed" };

/** Flows can say anything here. */
export function isChildMessage(value: unknown): value is ChildMessage {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  if (value.kind === "deployed" || value.kind === "loaded") return true;
  return value.kind === "alive" && "bytes" in value && Number.isSafeInteger(value.bytes);
}

/** A sign of life is given this often. */
export const aliveEveryMs = 1000;

/** What Node-RED's process tells its supervisor. */
export type ChildMessage = { readonly kind: "alive" } | { readonly kind: "deployed" };

/** Flows can say anything here. */
export function isChildMessage(value: unknown): value is ChildMessage {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return value.kind === "alive" || value.kind === "deployed";
}

/** A sign of life is given this often. */
export const aliveEveryMs = 1000;

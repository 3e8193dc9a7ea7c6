import type { Node } from "node-red";
import type { Kept } from "./alarm-state.ts";

const key = "alarm";

/**
 * The alarm as the node's context has it. It outlives a deploy and a restart of Node-RED only where its settings
 * name a `contextStorage`: without one Node-RED forgets a node's context when the node stops.
 */
export async function recall(node: Node): Promise<Kept | undefined> {
  const value = await new Promise<unknown>((resolve, reject) => {
    node
      .context()
      .get(key, (error: Error | null, found: unknown) => (error ? reject(error) : resolve(found)));
  });
  return isKept(value) ? value : undefined;
}

export function remember(node: Node, kept: Kept): void {
  node.context().set(key, kept, (error: Error | null) => {
    if (error) node.error(`the alarm is not kept over a restart: ${error.message}`);
  });
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== "object" || value === null) return false;
  const until: unknown = Reflect.get(value, "shelvedUntil");
  return (
    typeof Reflect.get(value, "active") === "boolean" &&
    typeof Reflect.get(value, "acknowledged") === "boolean" &&
    (until === undefined || typeof until === "number")
  );
}

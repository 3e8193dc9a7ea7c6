import type { Node, NodeAPI } from "node-red";
import type { Kept } from "./alarm-state.ts";

const key = "alarm";

/** What an alarm node keeps over a deploy and, where its store is on a disk, over a restart of Node-RED. */
export interface Memory {
  recall(): Promise<Kept | undefined>;
  remember(kept: Kept): void;
}

/**
 * In the node's context: in the store that Node-RED's settings name as `stadsnodAlarmStore` (of those in their
 * `contextStorage`), else in the first one. Without any Node-RED forgets a node's context when the node stops.
 */
export function memoryOf(node: Node, { settings }: Pick<NodeAPI, "settings">): Memory {
  const named: unknown = Reflect.get(settings, "stadsnodAlarmStore");
  const store = typeof named === "string" ? named : undefined;
  return {
    async recall() {
      const value = await new Promise<unknown>((resolve, reject) => {
        const told = (error: Error | null, found: unknown) => (error ? reject(error) : resolve(found));
        if (store === undefined) node.context().get(key, told);
        else node.context().get(key, store, told);
      });
      return isKept(value) ? value : undefined;
    },
    remember(kept) {
      const told = (error: Error | null) => {
        if (error) node.error(`the alarm is not kept over a restart: ${error.message}`);
      };
      if (store === undefined) node.context().set(key, kept, told);
      else node.context().set(key, kept, store, told);
    },
  };
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

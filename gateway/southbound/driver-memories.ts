import type { Disk } from "../store/disk.ts";
import { readDocument, replaceDocument } from "../store/documents.ts";
import type { DriverMemory } from "./protocol.ts";

/** One small document per connection. `load` and `save` reject with StorageError. */
export function driverMemory(openDisk: () => Promise<Disk>, connection: string): DriverMemory {
  // Ids of connections are safe as file names: `[a-z0-9-]`.
  const name = `connection-${connection}.json`;
  return {
    load: async () => readDocument(await openDisk(), name),
    save: async (value) => replaceDocument(await openDisk(), name, value),
  };
}

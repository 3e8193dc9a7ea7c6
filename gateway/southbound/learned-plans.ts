import type { Device } from "../model/device.ts";
import { StorageError } from "../model/errors.ts";
import type { Disk } from "../store/disk.ts";
import { readDocument, replaceDocument } from "../store/documents.ts";
import type { LearnedStore } from "./loop.ts";
import type { Learned } from "./protocol.ts";

/**
 * What devices taught, one small document per device. It counts for one profile text only: a profile
 * that was corrected starts with nothing learned. `load` and `save` reject with StorageError.
 */
export function learnedPlans(openDisk: () => Promise<Disk>): LearnedStore {
  return {
    async load(device: Device): Promise<Learned> {
      const found = await openDisk()
        .then((disk) => readDocument(disk, nameOf(device)))
        .catch((error: unknown) => {
          if (error instanceof StorageError) return undefined;
          throw error;
        });
      return isDocument(found) && found.profile === device.profile.hash ? found.learned : {};
    },
    save: async (device, learned) =>
      replaceDocument(await openDisk(), nameOf(device), { profile: device.profile.hash, learned }),
  };
}

/** Device ids are safe as file names: `[a-z0-9-]`. */
function nameOf(device: Device): string {
  return `plan-${device.id}.json`;
}

function isDocument(value: unknown): value is { profile: string; learned: Learned } {
  return (
    typeof value === "object" &&
    value !== null &&
    "profile" in value &&
    typeof value.profile === "string" &&
    "learned" in value &&
    typeof value.learned === "object" &&
    value.learned !== null
  );
}

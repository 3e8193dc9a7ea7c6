// Entry of a thread: reads every profile of some folders and tells of each in short.
import { parentPort, workerData } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import type { ProfileSummary } from "../../local/commissioning.ts";
import type { DeviceProfile } from "../../model/device.ts";
import { loadProfiles } from "../../profiles/library.ts";
import { loadProtocols } from "../../southbound/index.ts";
import { files } from "../profile-files.ts";

export interface ProfileQuestion {
  readonly folders: readonly string[];
}

const { folders }: ProfileQuestion = workerData;
const { profiles } = loadProfiles(folders, files, await loadProtocols());
const summaries = Array.from(profiles.values(), ({ profile }) => profile)
  .filter((profile) => profile !== undefined)
  .map(summaryOf)
  .toSorted((a, b) => (a.id < b.id ? -1 : 1));
parentPort?.postMessage(gzipSync(JSON.stringify(summaries)));

function summaryOf(profile: DeviceProfile): ProfileSummary {
  const { id, version, title, manufacturer, models, category, status, protocol, options } = profile;
  const { points, computed = [], commands = [] } = profile;
  return {
    id,
    version,
    title,
    manufacturer,
    models,
    category,
    status,
    protocol,
    points: [...points, ...computed, ...commands]
      .filter(({ hidden }) => !hidden)
      .map((point) => ({
        name: point.name,
        ...(point.title && { title: point.title }),
        ...(point.unit !== undefined && { unit: point.unit }),
        writable: point.write !== undefined,
      })),
    options: Array.from(options ?? [], ([name, { values, standard }]) => ({
      name,
      values,
      ...(standard !== undefined && { default: standard }),
    })),
  };
}

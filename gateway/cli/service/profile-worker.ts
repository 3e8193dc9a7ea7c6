// Entry of a thread: reads every profile of some folders, and tells of each in short or hands it over.
import { parentPort, workerData } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import type { ProfileSummary } from "../../local/commissioning.ts";
import type { DeviceProfile } from "../../model/device.ts";
import { loadProfiles } from "../../profiles/library.ts";
import { loadProtocols } from "../../southbound/index.ts";
import { files } from "../profile-files.ts";

export interface ProfileQuestion {
  readonly folders: readonly string[];
  /** `list`: one answer, all of them in short, gzipped. `scan`: a ScanAnswer each, then the thread ends. */
  readonly as: "list" | "scan";
}

/** A profile that a scan compares with, or the id of one that holds functions and must be read where it is used. */
export type ScanAnswer = { readonly profile: DeviceProfile } | { readonly id: string };

const { folders, as }: ProfileQuestion = workerData;
const protocols = await loadProtocols();
const { profiles } = loadProfiles(folders, files, protocols);
const good = Array.from(profiles.values(), ({ profile }) => profile).filter(
  (profile) => profile !== undefined,
);
if (as === "list") {
  const summaries = good.map(summaryOf).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  parentPort?.postMessage(gzipSync(JSON.stringify(summaries)));
} else {
  const scanned = new Set(protocols.filter(({ scan }) => scan).map(({ name }) => name));
  for (const profile of good.filter(({ protocol }) => scanned.has(protocol))) handOver(profile);
}

function handOver(profile: DeviceProfile): void {
  try {
    parentPort?.postMessage({ profile: readOnly(profile) } satisfies ScanAnswer);
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "DataCloneError") throw error;
    parentPort?.postMessage({ id: profile.id } satisfies ScanAnswer);
  }
}

/** A scan writes nothing; and the rules of writing are functions, which cannot be handed over. */
function readOnly({ commands: _commands, points, ...profile }: DeviceProfile): DeviceProfile {
  return { ...profile, points: points.map(({ write: _write, ...point }) => point) };
}

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

import type { Diagnostic } from "../model/diagnostic.ts";
import type { Protocol } from "../southbound/protocol.ts";
import type { Bases } from "./expand.ts";
import { type LoadedProfile, loadProfile } from "./load.ts";

/** The little of a file system that profiles need. Both throw when they cannot. */
export interface ProfileFiles {
  /** Files below a folder, relative to it, with `/`. Throws when there is no such folder. */
  list(folder: string): readonly string[];
  read(path: string): string;
}

export interface ProfileLibrary {
  /** Good profiles by id. */
  readonly profiles: ReadonlyMap<string, LoadedProfile>;
  /** Profiles that were left out, each alone, with the reasons. */
  readonly quarantined: readonly {
    readonly kind: "profile";
    readonly id: string;
    readonly diagnostics: readonly Diagnostic[];
  }[];
  /** Every id that the folders hold, read or not: for suggestions. */
  readonly ids: readonly string[];
  /** Folders that could not be read. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads the profiles of several folders; of two files with one id the earlier folder's counts. With
 * `only`, the others are listed but not read. Never throws.
 */
export function loadProfiles(
  folders: readonly string[],
  files: ProfileFiles,
  protocols: readonly Protocol[],
  only?: ReadonlySet<string>,
): ProfileLibrary {
  const paths = new Map<string, string>();
  const diagnostics: Diagnostic[] = [];
  for (const folder of folders) {
    try {
      for (const name of files.list(folder).toSorted()) {
        const id = profileIdOf(name);
        if (id !== undefined && !paths.has(id)) paths.set(id, `${folder.replace(/\/$/, "")}/${name}`);
      }
    } catch (error) {
      diagnostics.push(unreadable(folder, "the folder", error));
    }
  }
  const bases: Bases = {
    ids: [...paths.keys()],
    find: (id) => {
      const file = paths.get(id);
      return file === undefined ? undefined : { file, text: files.read(file) };
    },
    beside: besideIn(files),
  };
  const profiles = new Map<string, LoadedProfile>();
  const quarantined: { kind: "profile"; id: string; diagnostics: readonly Diagnostic[] }[] = [];
  for (const [id, path] of paths) {
    if (only && !only.has(id)) continue;
    const loaded = loadFile(path, files, protocols, bases);
    if (loaded.profile) profiles.set(id, loaded);
    else quarantined.push({ kind: "profile", id, diagnostics: loaded.diagnostics });
  }
  return { profiles, quarantined, ids: [...paths.keys()], diagnostics };
}

/** Profiles that one at `path` may use: those of the folder that it lies in, two levels up. */
export function basesBeside(path: string, files: ProfileFiles): Bases {
  const folder = path.replaceAll("\\", "/").split("/").slice(0, -2).join("/") || ".";
  let listed: readonly string[] | undefined;
  const ids = (): readonly string[] => {
    listed ??= files.list(folder).flatMap((name) => profileIdOf(name) ?? []);
    return listed;
  };
  return {
    get ids() {
      return ids();
    },
    find: (id) =>
      ids().includes(id)
        ? { file: `${folder}/${id}.yaml`, text: files.read(`${folder}/${id}.yaml`) }
        : undefined,
    beside: besideIn(files),
  };
}

/** A file that a profile names lies in its own folder. */
function besideIn(files: ProfileFiles): NonNullable<Bases["beside"]> {
  return (profile, name) => {
    const file = [...profile.replaceAll("\\", "/").split("/").slice(0, -1), name].join("/");
    return { file, text: files.read(file) };
  };
}

/** Of a file below a profile folder; undefined for one that is no profile. */
export function profileIdOf(name: string): string | undefined {
  return name.endsWith(".schema.yaml") ? undefined : /^(.+)\.yaml$/.exec(name)?.[1];
}

function loadFile(
  path: string,
  files: ProfileFiles,
  protocols: readonly Protocol[],
  bases: Bases,
): LoadedProfile {
  let text: string;
  try {
    text = files.read(path);
  } catch (error) {
    return { examples: [], diagnostics: [unreadable(path, "the file", error)] };
  }
  return loadProfile(text, path, protocols, bases);
}

function unreadable(file: string, what: string, error: unknown): Diagnostic {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    severity: "error",
    code: "unreadable",
    message: `${what} cannot be read: ${reason}`,
    file,
    line: 1,
    column: 1,
    length: 1,
  };
}

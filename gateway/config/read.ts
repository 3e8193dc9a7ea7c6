import { ConfigError } from "../model/errors.ts";
import { loadProfiles, type ProfileFiles } from "../profiles/library.ts";
import { type ConfigOptions, type LoadedConfig, loadConfig, profilesOf } from "./load.ts";

export interface ReadOptions extends Omit<ConfigOptions, "profiles" | "readFile"> {
  readonly files: ProfileFiles;
}

/**
 * Reads gateway.yaml and the profiles that it uses, and no others. Throws ConfigError only when the
 * file itself cannot be read; what it says wrong comes as diagnostics.
 */
export async function readConfig(
  path: string,
  { files, ...options }: ReadOptions,
): Promise<LoadedConfig & { readonly text: string }> {
  const text = readText(path, files);
  const { folders, used } = profilesOf(text, path) ?? { folders: [], used: new Set<string>() };
  const profiles = loadProfiles(folders, files, options.protocols, used);
  return {
    text,
    ...(await loadConfig(text, path, { ...options, profiles, readFile: (secret) => files.read(secret) })),
  };
}

function readText(path: string, files: ProfileFiles): string {
  try {
    return files.read(path);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    const hint =
      code === "EACCES"
        ? "the gateway's user may not read it"
        : "give its path as the argument of the command";
    throw new ConfigError(`${path} cannot be read (${code})`, { code: "config-unreadable", hint, cause });
  }
}

import { mkdir, readFile, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { tellingDevices } from "../../config/config.ts";
import type { Configuration } from "../../config/configuration.ts";
import type { Gateway } from "../../gateway.ts";
import { ConfigError } from "../../model/errors.ts";
import { replaceText } from "../../store/documents.ts";
import { openFolderDisk } from "../../store/folder-disk.ts";
import type { ConfigurationTarget } from "../../updates/configuration-updates.ts";

/**
 * gateway.yaml and the city's own profiles of a running gateway. Profiles go into `profiles.d` beside gateway.yaml,
 * which must be one of its folders of profiles.
 */
export function configurationTarget(
  gateway: Gateway,
  configuration: Configuration,
  path: string,
): ConfigurationTarget {
  const folder = join(dirname(path), "profiles.d");
  const current = async (names: readonly string[]) => {
    const profiles: Record<string, string | null> = {};
    for (const name of names)
      profiles[name] = await readFile(join(folder, name), "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return null;
        throw new ConfigError(`${name} cannot be read (${error.code})`, { code: "unreadable-file" });
      });
    return { gateway: await readFile(path, "utf8"), profiles };
  };
  return {
    current,
    async apply({ gateway: text, profiles }, by, note) {
      const written = Object.entries(profiles);
      const here = await current(Object.keys(profiles));
      const same = written.every(([name, content]) => here.profiles[name] === content);
      if (same && (text === undefined || text === here.gateway)) return [];
      if (written.length > 0 && !gateway.config.profiles.includes(folder))
        throw new ConfigError("there is no folder for the city's profiles", {
          code: "no-profile-folder",
          hint: `add ${folder} to \`profiles\` of gateway.yaml`,
        });
      for (const [name, content] of written) await put(join(folder, name), content);
      // Also where only profiles are new: gateway.yaml is looked at with them.
      const { changes } = await configuration.edit((now) => text ?? now, by, note);
      return changes;
    },
    points() {
      const known = tellingDevices(gateway.config).flatMap(({ id, profile }) =>
        profile.points.map(({ name }) => `${id}/${name}`),
      );
      const good = gateway.pipeline.latest
        .list()
        .flatMap(({ device, point, quality }) => (quality === "good" ? [`${device}/${point}`] : []));
      return { known, good };
    },
  };
}

async function put(path: string, content: string | null): Promise<void> {
  if (content === null) {
    await unlink(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    return;
  }
  await mkdir(dirname(path), { recursive: true });
  await replaceText(await openFolderDisk(dirname(path)), basename(path), content);
}

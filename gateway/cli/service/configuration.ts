import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Configuration } from "../../config/configuration.ts";
import { openGenerations } from "../../config/generations.ts";
import type { Gateway } from "../../gateway.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import { openFolderDisk, privateFiles } from "../../store/folder-disk.ts";
import { openTextFile } from "../../store/text-file.ts";
import type { ReadConfiguration } from "../files.ts";

/** The file that the gateway was started with. */
export interface ConfigurationFile {
  /** Absolute. */
  readonly path: string;
  /** What a text would be in its place. */
  load(text: string): Promise<ReadConfiguration>;
}

/** gateway.yaml of a running gateway, with its generations in the storage folder. */
export function configurationOf(
  gateway: Gateway,
  log: Log,
  { path, load }: ConfigurationFile,
): Configuration {
  const folder = join(gateway.config.storage.folder, "configuration");
  return new Configuration({
    file: openTextFile(path),
    path,
    log,
    load,
    generations: async () => openGenerations(await openFolderDisk(folder, privateFiles), gateway.clock),
    running: () => gateway.config,
    reload: () => gateway.reload(),
    schema: schemaText,
  });
}

/** The text of gateway.schema.json: beside the bundle, or in the sources. Read when asked for, and not kept. */
async function schemaText(): Promise<string> {
  const places = ["./gateway.schema.json", "../../../gateway.schema.json"];
  for (const place of places) {
    const text = await readFile(new URL(place, import.meta.url), "utf8").catch(() => undefined);
    if (text !== undefined) return text;
  }
  throw new ConfigError("gateway.schema.json is not here", { code: "no-schema" });
}

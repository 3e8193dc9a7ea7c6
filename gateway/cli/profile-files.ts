import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { ProfileFiles } from "../profiles/library.ts";

const maxFileBytes = 1024 * 1024;

/** The real file system, as far as profiles and gateway.yaml need it. */
export const files: ProfileFiles = {
  list(folder) {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".yaml"))
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, "/"));
  },
  read(path) {
    const { size } = statSync(path);
    if (size > maxFileBytes) throw new Error(`${size} bytes is too large for a text file`);
    return readFileSync(path, "utf8");
  },
};

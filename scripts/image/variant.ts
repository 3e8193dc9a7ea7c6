import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Board } from "./boards/board.ts";
import { genericArm64 } from "./boards/generic-arm64.ts";
import { made } from "./build.ts";
import { developmentKeys, type SigningKeys } from "./keys.ts";
import { bundleManifest } from "./manifest.ts";
import { type Archive, debian, inToolRoot, toolRoot } from "./tool-root.ts";

export interface VariantOptions {
  /** Folder of a built image. */
  readonly image: string;
  readonly board: Board;
  readonly version: string;
  /** Shell commands in the folder of the root: what is other in this version. */
  readonly change?: string;
  readonly keys: SigningKeys;
  readonly cache: string;
  readonly archive: Archive;
  /** The bundle. */
  readonly out: string;
}

/** Makes a bundle of a later version without building an image for it: for trying updates, good ones and bad ones. */
export async function makeVariant(options: VariantOptions): Promise<void> {
  const { image, board, version, change = ":", keys, cache, archive, out } = options;
  const tools = await toolRoot(cache, archive, () => {});
  const work = mkdtempSync(join(tmpdir(), "stadsnod-variant-"));
  try {
    const given = join(work, "in");
    mkdirSync(given, { mode: 0o700 });
    mkdirSync(join(work, "out"));
    const write = (name: string, text: string) => writeFileSync(join(given, name), text);
    for (const name of ["root.img", "boot.img"]) cpSync(join(image, name), join(given, name));
    cpSync(join(image, made.ca), join(given, "ca.cert.pem"));
    cpSync(keys.cert, join(given, "sign.cert.pem"));
    cpSync(keys.key, join(given, "sign.key.pem"));
    cpSync(join(import.meta.dirname, "inside", "variant.sh"), join(given, "variant.sh"));
    write("change", change);
    write("settings", `VERSION='${version}'\n`);
    write("manifest.raucm", bundleManifest(`stadsnod-${board.name}`, version));
    await inToolRoot(tools, work, ["bash", "/work/in/variant.sh"], 0, () => undefined);
    cpSync(join(work, "out", made.bundle), out);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A version whose gateway ends as soon as it is started; its guard does not wait for a quarter of an hour. */
export const neverStarts = `printf '#!/bin/sh\\nexit 1\\n' >opt/stadsnod/bin/stadsnod
sed -i s/15min/60s/ usr/lib/systemd/system/stadsnod-trial.timer`;

/** A later version of the image that was built on this machine last, signed by its development CA. */
export async function variantOfTrial(
  image: string,
  cache: string,
  version: string,
  out: string,
  change?: string,
): Promise<void> {
  const keys = await developmentKeys(cache);
  const more = change === undefined ? {} : { change };
  await makeVariant({ image, board: genericArm64, version, keys, cache, archive: debian, out, ...more });
}

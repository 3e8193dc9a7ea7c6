import { createHash } from "node:crypto";
import type { LocalUpdates, UpdateDesired } from "../../local/commissioning.ts";
import { RefusedError } from "../../model/errors.ts";
import type { Disk } from "../../store/disk.ts";
import type { DesiredNow, DesiredStates } from "../../updates/desired-states.ts";
import { bundleFolder } from "../../updates/helper-words.ts";
import type { Updates } from "../../updates/updates.ts";

/**
 * Updates as the local API shows them.
 * @param disk the folder of bundles
 */
export function localUpdates(updates: Updates, desired: DesiredStates | undefined, disk: Disk): LocalUpdates {
  return {
    state() {
      const slots = updates.slots();
      if (!slots) return undefined;
      const { phase, progress, version, target, rollout, by, why, failed } = updates.state();
      return {
        ...{ phase, progress, version, target, rollout, by, why, failed },
        desired: desiredFacts(desired?.now()),
        compatible: slots.compatible,
        slots: slots.slots,
      };
    },
    bundles: async () => (await disk.list()).filter((name) => bundleName.test(name)),
    async install({ file, url, sha256 }, by) {
      if (url !== undefined) return updates.install({ url, sha256, by, file: `${hashOf(url)}.raucb` });
      const name = file?.startsWith(`${bundleFolder}/`) ? file.slice(bundleFolder.length + 1) : file;
      if (name === undefined || !/^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/.test(name))
        throw new RefusedError("a bundle is named by its file name", {
          code: "bad-bundle-name",
          hint: `put it into ${bundleFolder} first; \`stadsnod update install\` does that`,
        });
      return updates.install({ file: name, sha256, by });
    },
    rollBack: (by) => updates.rollBack(by),
    commit: () => updates.commit(),
  };
}

/** What somebody has put there: what is fetched has a name of its own, and is removed afterwards. */
const bundleName = /^(?![0-9a-f]{32}\.raucb$)[A-Za-z0-9][A-Za-z0-9._+-]{0,193}\.raucb$/;

function desiredFacts(desired: DesiredNow | undefined): UpdateDesired | undefined {
  if (!desired) return undefined;
  const { notBefore, ...facts } = desired;
  return notBefore === undefined ? facts : { ...facts, notBefore: new Date(notBefore).toISOString() };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

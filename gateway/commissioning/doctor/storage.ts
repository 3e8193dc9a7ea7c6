import type { CheckDone } from "../../model/commissioning.ts";
import { type Mount, mountOf, nearest, permits, userName } from "../system.ts";
import { checkFailed, checkOk, checkWarning, notApplicable, said } from "../words.ts";
import type { Check, Look } from "./look.ts";

const megabyte = 1_000_000;
/** Free space, share and bytes, below which it is urgent, or soon will be. */
const urgent = { share: 0.03, bytes: 200 * megabyte };
const soon = { share: 0.1, bytes: 1000 * megabyte };
const fewInodes = 0.03;

/** Where the outbox, the history and the audit log are kept: there must be room, and the gateway must be let in. */
export const storageCheck: Check = {
  id: "storage",
  doing: said("Looking at the disk", "Tittar på disken"),
  async look(look) {
    const folder = look.facts.storageFolder;
    if (folder === undefined)
      return [
        notApplicable(
          "storage",
          said("gateway.yaml does not say where data is kept.", "gateway.yaml anger inte var data sparas."),
        ),
      ];
    const there = await nearest(look.system, folder);
    const mount = await mountOf(look.system, (await look.system.realpath(there)) ?? there);
    return [
      ...(await room(look, folder, there)),
      ...written(folder, mount),
      ...(await allowed(look, folder, there)),
    ];
  },
};

async function room({ system }: Look, folder: string, there: string): Promise<readonly CheckDone[]> {
  const space = await system.space(there);
  if (!space || space.totalBytes === 0) return [];
  const { totalBytes, freeBytes, inodes, freeInodes } = space;
  const free = `${size(freeBytes)} of ${size(totalBytes)}`;
  const ledig = `${size(freeBytes)} av ${size(totalBytes)}`;
  const below = (limit: typeof urgent) =>
    freeBytes < Math.min(limit.bytes, totalBytes / 2) || freeBytes < totalBytes * limit.share;
  const fix = said(
    "See what takes the room: sudo du -xh / --max-depth=3 | sort -h | tail -20. The journal: sudo journalctl --vacuum-size=200M. Packages: sudo apt clean",
    "Se vad som tar plats: sudo du -xh / --max-depth=3 | sort -h | tail -20. Journalen: sudo journalctl --vacuum-size=200M. Paket: sudo apt clean",
  );
  const message = said(
    `${free} free where ${folder} is. When it is full, readings are kept in memory only.`,
    `${ledig} ledigt där ${folder} ligger. När det är fullt hålls mätvärden bara i minnet.`,
  );
  const found: CheckDone[] = [];
  if (below(urgent)) found.push(checkFailed("disk-space", message, fix));
  else if (below(soon)) found.push(checkWarning("disk-space", message, fix));
  else found.push(checkOk("disk-space", said(`${free} free.`, `${ledig} ledigt.`)));
  if (inodes > 0 && freeInodes < inodes * fewInodes)
    found.push(
      checkFailed(
        "disk-inodes",
        said(
          `The file system of ${folder} has room for only ${freeInodes} more files.`,
          `Filsystemet där ${folder} ligger har plats för bara ${freeInodes} filer till.`,
        ),
        said(
          "See where the many small files are: sudo du -x --inodes / --max-depth=3 | sort -n | tail -20",
          "Se var de många små filerna finns: sudo du -x --inodes / --max-depth=3 | sort -n | tail -20",
        ),
      ),
    );
  return found;
}

function written(folder: string, mount: Mount | undefined): readonly CheckDone[] {
  if (!mount) return [];
  const { device, folder: at, type, readOnly } = mount;
  if (readOnly)
    return [
      checkFailed(
        "disk-read-only",
        said(
          `${at} is mounted read-only, and ${folder} is on it: nothing can be kept. The kernel does so by itself when a card fails.`,
          `${at} är monterad skrivskyddad, och ${folder} ligger där: inget kan sparas. Kärnan gör så själv när ett minneskort håller på att gå sönder.`,
        ),
        said(
          `See why: journalctl -k | grep -iE 'mmc|ext4|I/O error'. Sound again: sudo mount -o remount,rw ${at}. With errors: replace the card or disk (${device})`,
          `Se varför: journalctl -k | grep -iE 'mmc|ext4|I/O error'. Om allt är bra: sudo mount -o remount,rw ${at}. Vid fel: byt kort eller disk (${device})`,
        ),
      ),
    ];
  if (type === "tmpfs" || type === "ramfs" || type === "overlay")
    return [
      checkFailed(
        "disk-volatile",
        said(
          `${folder} is in memory (${type} at ${at}): everything in it is gone after a restart.`,
          `${folder} ligger i minnet (${type} på ${at}): allt i den är borta efter en omstart.`,
        ),
        said(
          "Name a folder on a disk in gateway.yaml (storage: {folder: ...}), or switch the overlay file system off: sudo raspi-config nonint disable_overlayfs",
          "Ange en mapp på en disk i gateway.yaml (storage: {folder: ...}), eller stäng av overlay-filsystemet: sudo raspi-config nonint disable_overlayfs",
        ),
      ),
    ];
  return [
    checkOk("disk-mount", said(`On ${device} (${type}), writable.`, `På ${device} (${type}), skrivbar.`)),
  ];
}

async function allowed({ system, user }: Look, folder: string, there: string): Promise<readonly CheckDone[]> {
  const facts = await system.stat(there);
  if (!facts) return [];
  const own = `sudo mkdir -p ${folder} && sudo chown -R ${user.name}: ${folder}`;
  // To make files in a folder takes w and x.
  if (!permits(facts, user, 3))
    return [
      checkFailed(
        "storage-owner",
        said(
          `The user ${user.name} may not write to ${there}, which belongs to ${await userName(system, facts.uid)}.`,
          `Användaren ${user.name} får inte skriva i ${there}, som tillhör ${await userName(system, facts.uid)}.`,
        ),
        said(own, own),
      ),
    ];
  if (there !== folder)
    return [
      checkOk(
        "storage-owner",
        said(`${folder} is not there yet and can be made.`, `${folder} finns inte ännu och kan skapas.`),
      ),
    ];
  const names = await system.list(folder);
  for (const name of names) {
    const file = await system.stat(`${folder}/${name}`);
    const bits = file?.kind === "folder" ? 7 : 6;
    if (!file || file.kind === "socket" || permits(file, user, bits)) continue;
    const owner = await userName(system, file.uid);
    return [
      checkFailed(
        "storage-owner",
        said(
          `${folder}/${name} belongs to ${owner}, and ${user.name} may not write it. Somebody has probably started the gateway by hand once.`,
          `${folder}/${name} tillhör ${owner}, och ${user.name} får inte skriva den. Någon har troligen startat gatewayen för hand någon gång.`,
        ),
        said(own, own),
      ),
    ];
  }
  return [
    checkOk(
      "storage-owner",
      said(`${user.name} may write to ${folder}.`, `${user.name} får skriva i ${folder}.`),
    ),
  ];
}

/** As people read it, powers of ten. */
export function size(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return `${Math.round(bytes / 1e6)} MB`;
}

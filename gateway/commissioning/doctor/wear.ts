import type { CheckDone } from "../../model/commissioning.ts";
import { mountOf, nearest, readLine, readNumber } from "../system.ts";
import { checkFailed, checkOk, checkWarning, notApplicable, said } from "../words.ts";
import type { Check, Look } from "./look.ts";

/** What cards and file systems tell of their age: eMMC 5.0 does (JESD84-B50, EXT_CSD 267 to 269), SD cards do not. */
export const wearCheck: Check = {
  id: "disk-wear",
  doing: said("Looking at the wear of the disk", "Tittar på diskens slitage"),
  async look(look) {
    const { system, facts } = look;
    const there = await nearest(system, facts.storageFolder ?? "/");
    const device = (await mountOf(system, (await system.realpath(there)) ?? there))?.device;
    const partition = (device?.startsWith("/dev/") ? await system.realpath(device) : undefined)?.slice(5);
    if (partition === undefined)
      return [
        notApplicable(
          "disk-wear",
          said("The disk says nothing of its wear.", "Disken säger inget om sitt slitage."),
        ),
      ];
    return [...(await fileSystemErrors(look, partition)), await cardWear(look, partition)];
  },
};

async function fileSystemErrors({ system }: Look, partition: string): Promise<readonly CheckDone[]> {
  const errors = await readNumber(system, `/sys/fs/ext4/${partition}/errors_count`);
  if (errors === undefined || errors === 0) return [];
  return [
    checkFailed(
      "disk-errors",
      said(
        `The file system on /dev/${partition} has had ${errors} errors since it was checked last.`,
        `Filsystemet på /dev/${partition} har haft ${errors} fel sedan det senast kontrollerades.`,
      ),
      said(
        "Save what is worth keeping, then have it checked at the next start: add fsck.mode=force fsck.repair=yes to the line in /boot/firmware/cmdline.txt and restart. If errors return, replace the card",
        "Spara det viktiga och låt det kontrolleras vid nästa start: lägg till fsck.mode=force fsck.repair=yes på raden i /boot/firmware/cmdline.txt och starta om. Kommer felen tillbaka, byt kortet",
      ),
    ),
  ];
}

async function cardWear({ system }: Look, partition: string): Promise<CheckDone> {
  const disk = /^(mmcblk\d+)p\d+$/.exec(partition)?.[1];
  const nothing = notApplicable(
    "disk-wear",
    said(`/dev/${partition} says nothing of its wear.`, `/dev/${partition} säger inget om sitt slitage.`),
  );
  if (disk === undefined) return nothing;
  const at = `/sys/block/${disk}/device`;
  const [type, life, endOfLife, made] = await Promise.all(
    ["type", "life_time", "pre_eol_info", "date"].map((name) => readLine(system, `${at}/${name}`)),
  );
  const steps = (life ?? "").split(/\s+/).map((text) => Number.parseInt(text, 16) || 0);
  // 0x01 is 0 to 10 % used, 0x0b more than what it was made for.
  const used = Math.max(...steps) * 10;
  const reserve = Number.parseInt(endOfLife ?? "0", 16);
  if (used === 0)
    return type === "SD"
      ? notApplicable(
          "disk-wear",
          said(
            `An SD card${made ? ` made ${made}` : ""}: it does not tell its wear. Use an "endurance" card, and keep a spare.`,
            `Ett SD-kort${made ? ` tillverkat ${made}` : ""}: det säger inget om sitt slitage. Använd ett kort av typen "endurance" och ha ett i reserv.`,
          ),
        )
      : nothing;
  const message = said(
    `The eMMC has used up about ${Math.min(used, 100)} % of its life.`,
    `eMMC-minnet har förbrukat ungefär ${Math.min(used, 100)} % av sin livslängd.`,
  );
  const fix = said(
    "Plan to replace the module; meanwhile write less: lower log.level and longer poll periods",
    "Planera att byta modulen; skriv mindre så länge: lägre log.level och längre avfrågningsperioder",
  );
  if (used > 100 || reserve >= 3) return checkFailed("disk-wear", message, fix);
  if (used >= 80 || reserve === 2) return checkWarning("disk-wear", message, fix);
  return checkOk("disk-wear", message);
}

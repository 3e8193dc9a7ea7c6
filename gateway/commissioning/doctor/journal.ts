import type { System } from "../system.ts";
import { checkOk, checkWarning, notApplicable, said } from "../words.ts";
import type { Check } from "./look.ts";

/** The journal on disk takes a tenth of it, up to 4 GB, unless told (journald.conf(5)): on a card that is wear and room. */
export const journalCheck: Check = {
  id: "journal",
  doing: said("Looking at the system's log", "Tittar på systemets logg"),
  async look({ system }) {
    if (!(await system.stat("/etc/systemd")))
      return [notApplicable("journal", said("No journald here.", "Ingen journald här."))];
    const settings = await journalSettings(system);
    const storage = settings.get("Storage") ?? "auto";
    const onDisk =
      storage === "persistent" ||
      (storage === "auto" && (await system.stat("/var/log/journal")) !== undefined);
    if (!onDisk)
      return [checkOk("journal", said("The journal is kept in memory.", "Journalen hålls i minnet."))];
    const bound = settings.get("SystemMaxUse");
    if (bound)
      return [
        checkOk("journal", said(`The journal takes at most ${bound}.`, `Journalen tar högst ${bound}.`)),
      ];
    const command =
      "sudo mkdir -p /etc/systemd/journald.conf.d && printf '[Journal]\\nSystemMaxUse=200M\\n' | sudo tee /etc/systemd/journald.conf.d/stadsnod.conf && sudo systemctl restart systemd-journald";
    return [
      checkWarning(
        "journal",
        said(
          "The journal on disk has no bound of its own: it may take a tenth of the disk, up to 4 GB.",
          "Journalen på disk har ingen egen gräns: den kan ta en tiondel av disken, upp till 4 GB.",
        ),
        said(command, command),
      ),
    ];
  },
};

/** journald.conf and what lies in the folders beside it; later files win. */
async function journalSettings(system: System): Promise<ReadonlyMap<string, string>> {
  const files = ["/etc/systemd/journald.conf"];
  for (const folder of [
    "/usr/lib/systemd/journald.conf.d",
    "/run/systemd/journald.conf.d",
    "/etc/systemd/journald.conf.d",
  ])
    for (const name of await system.list(folder)) if (name.endsWith(".conf")) files.push(`${folder}/${name}`);
  const found = new Map<string, string>();
  for (const file of files) {
    for (const line of ((await system.read(file)) ?? "").split("\n")) {
      const [, key, value] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (key !== undefined && value !== undefined) found.set(key, value);
    }
  }
  return found;
}

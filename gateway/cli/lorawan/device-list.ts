import { ConfigError } from "../../model/errors.ts";

/** What somebody knows of a device before it was heard. */
export interface ListedDevice {
  /** 16 hex digits, lower case. */
  readonly devEui: string;
  readonly profile: string;
  readonly id: string | undefined;
  readonly audience: string | undefined;
}

const columns = ["deveui", "profile", "id", "audience"] as const;

/**
 * A list of devices as spreadsheets write it: `devEui,profile,id,audience`, commas or semicolons, the last
 * two columns may be missing, so may the heading. Throws ConfigError with the line.
 */
export function parseDeviceList(text: string, file: string): ReadonlyMap<string, ListedDevice> {
  const found = new Map<string, ListedDevice>();
  let order: readonly string[] = columns;
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const cells = line.split(/[,;]/).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));
    if (found.size === 0 && cells.some((cell) => /^dev[ _-]?eui$/i.test(cell))) {
      order = cells.map((cell) => cell.toLowerCase().replace(/[ _-]/g, ""));
      continue;
    }
    const cell = (name: (typeof columns)[number]): string | undefined => {
      const text = cells[order.indexOf(name)];
      return text === undefined || text === "" ? undefined : text;
    };
    const devEui =
      cell("deveui")
        ?.replace(/[-:\s]/g, "")
        .toLowerCase() ?? "";
    const wrong = (message: string) =>
      new ConfigError(`${file}:${index + 1}: ${message}`, {
        code: "bad-device-list",
        hint: "each line is devEui,profile,id,audience; the last two may be left out",
      });
    if (!/^[0-9a-f]{16}$/.test(devEui)) throw wrong(`"${cells[0]}" is no DevEUI: 16 hex digits`);
    const profile = cell("profile");
    if (profile === undefined) throw wrong("the profile is missing");
    const id = cell("id");
    if (id !== undefined && !/^[a-z0-9][a-z0-9-]{0,62}$/.test(id))
      throw wrong(`"${id}" is no id: small letters, digits and hyphens`);
    const audience = cell("audience");
    if (audience !== undefined && !/^[a-z0-9][a-z0-9-]{0,62}$/.test(audience))
      throw wrong(`"${audience}" is no audience: small letters, digits and hyphens`);
    if (found.has(devEui)) throw wrong(`${devEui} is listed twice`);
    found.set(devEui, { devEui, profile, id, audience });
  }
  return found;
}

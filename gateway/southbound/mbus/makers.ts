import type { DeviceProfile } from "../../model/device.ts";

/** Codes of the FLAG Association that are not the beginning of the maker's name. */
const codes: Readonly<Record<string, string>> = {
  LUG: "landis",
  LGB: "landis",
  ACW: "itron",
  EFE: "engelmann",
  REL: "relay",
};

/** Whether a profile's manufacturer is who a telegram's code names. */
export function isMakerOf({ manufacturer }: Pick<DeviceProfile, "manufacturer">, code: string): boolean {
  const name = manufacturer.toLowerCase();
  return name.startsWith(codes[code] ?? code.toLowerCase());
}

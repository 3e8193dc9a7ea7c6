import { parseYaml } from "../codec/yaml.ts";
import type { NewDevice } from "../local/commissioning.ts";
import { ConfigError } from "../model/errors.ts";
import { type Edit, editYaml } from "./edit.ts";

/** What is said beside the settings, and what is not a technician's to say: who may see it, and on what ground. */
const reserved = [
  ...["profile", "connection", "options", "title", "owner", "place", "position"],
  ...["audience", "audiences", "sharedWith", "purpose", "legalBasis", "privacy", "poll"],
];

/**
 * gateway.yaml with one more device, and its connection where `connectionSettings` are given. A technician says
 * what stands in them: no reference is taken, as it could send any secret of the gateway to any host. Throws
 * ConfigError (`device-exists`, `connection-exists`, `reference-not-taken`, `cannot-edit`).
 */
export function addDevice(text: string, device: NewDevice): string {
  const { id, profile, connection, connectionSettings, settings, options, position } = device;
  const { title, owner, place } = device;
  if (namesIn(text, "devices").includes(id))
    throw new ConfigError(`there is a device "${id}" already`, {
      code: "device-exists",
      hint: "ids are unique in the whole city: give it another one",
    });
  for (const part of [connectionSettings, options, title, owner, place, profile]) refuseReferences(part);
  // A meter's own key opens what the meter says, and goes nowhere.
  for (const [key, value] of Object.entries(settings)) if (!/key$/i.test(key)) refuseReferences(value);
  const edits: Edit[] = [];
  if (connectionSettings) {
    if (namesIn(text, "connections").includes(connection))
      throw new ConfigError(`there is a connection "${connection}" already`, {
        code: "connection-exists",
        hint: "use it as it is, or give the new one another name",
      });
    edits.push({ path: ["connections", connection], set: connectionSettings });
  }
  // Who looks after the audit log must find there what came into the file.
  const wrong = Object.keys(settings).find((key) => reserved.includes(key));
  if (wrong !== undefined)
    throw new ConfigError(`"${wrong}" is no setting of a device on its line`, { code: "cannot-edit" });
  const entry = {
    profile,
    connection,
    ...settings,
    ...(options && Object.keys(options).length > 0 ? { options } : {}),
    ...(title === undefined ? {} : { title }),
    ...(owner === undefined ? {} : { owner }),
    ...(place === undefined ? {} : { place }),
    ...(position === undefined ? {} : { position }),
  };
  return editYaml(text, [...edits, { path: ["devices", id], set: entry }]);
}

/** Without a device; its connection stays. Throws ConfigError (`unknown-device`, `cannot-edit`). */
export function removeDevice(text: string, id: string): string {
  if (!namesIn(text, "devices").includes(id))
    throw new ConfigError(`there is no device "${id}" in gateway.yaml`, { code: "unknown-device" });
  return editYaml(text, [{ path: ["devices", id], remove: true }]);
}

function refuseReferences(value: unknown): void {
  if (!JSON.stringify(value ?? null).includes("${")) return;
  throw new ConfigError("a device that is added cannot name secrets of the gateway", {
    code: "reference-not-taken",
    hint: "an administrator writes them into gateway.yaml",
  });
}

function namesIn(text: string, section: string): string[] {
  return parseYaml(text, "gateway.yaml").document?.keys([section]) ?? [];
}

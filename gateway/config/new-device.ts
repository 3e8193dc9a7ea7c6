import { parseYaml } from "../codec/yaml.ts";
import type { NewDevice } from "../local/commissioning.ts";
import { ConfigError } from "../model/errors.ts";
import { type Edit, editYaml } from "./edit.ts";

/**
 * gateway.yaml with one more device, and its connection where `connectionSettings` are given. Throws ConfigError
 * (`device-exists`, `connection-exists`, `cannot-edit`).
 */
export function addDevice(text: string, device: NewDevice): string {
  const { id, profile, connection, connectionSettings, settings, options, position } = device;
  const { title, owner, place } = device;
  if (namesIn(text, "devices").includes(id))
    throw new ConfigError(`there is a device "${id}" already`, {
      code: "device-exists",
      hint: "ids are unique in the whole city: give it another one",
    });
  const edits: Edit[] = [];
  if (connectionSettings) {
    if (namesIn(text, "connections").includes(connection))
      throw new ConfigError(`there is a connection "${connection}" already`, {
        code: "connection-exists",
        hint: "use it as it is, or give the new one another name",
      });
    edits.push({ path: ["connections", connection], set: connectionSettings });
  }
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

function namesIn(text: string, section: string): string[] {
  return parseYaml(text, "gateway.yaml").document?.keys([section]) ?? [];
}

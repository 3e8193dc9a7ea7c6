import { readdir, readFile, statfs } from "node:fs/promises";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { MachineSource } from "../../commissioning/machine.ts";

/** Of one file; those of /proc and /sys that are read are much smaller. */
const mostCharacters = 65_536;

/** The real machine. What cannot be read has nothing to say. */
export const machineSource: MachineSource = {
  read: (path) =>
    readFile(path, "utf8").then(
      (text) => text.slice(0, mostCharacters),
      () => undefined,
    ),
  list: (path) => readdir(path).catch(() => []),
  space: (path) =>
    statfs(path).then(
      ({ bsize, blocks, bavail }) => ({ totalBytes: bsize * blocks, freeBytes: bsize * bavail }),
      () => undefined,
    ),
  addresses: () =>
    interfacesNow()
      .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
      .map(({ address }) => address),
  node: { version: process.version, platform: process.platform },
};

/** Node.js throws where there is no file descriptor left to ask the kernel with. */
function interfacesNow(): NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  } catch {
    return [];
  }
}

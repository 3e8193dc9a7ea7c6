import { posix } from "node:path";
import type { Text } from "../model/device.ts";
import { readLine, readNumber, type System } from "./system.ts";
import { describeUsb, type UsbFacts, usbFacts, usbIdentity } from "./usb.ts";
import { said } from "./words.ts";

/** A serial port that is really there. */
export interface SerialPort {
  /** `ttyUSB0` */
  readonly tty: string;
  /** `/dev/ttyUSB0` */
  readonly device: string;
  /** The one to write into gateway.yaml. */
  readonly name: string;
  readonly names: readonly string[];
  readonly stable: boolean;
  readonly note?: Text | undefined;
  readonly what: string;
  readonly usb?: UsbFacts | undefined;
  /** The small UART of a Raspberry Pi (BCM2835 AUX): no parity, and its speed follows the core clock. */
  readonly mini: boolean;
}

/** /dev/ttyX0 and what leads there. A bound: nobody has so many. */
const mostPorts = 256;
/** `PORT_UNKNOWN` of the kernel's serial_core.h: a place in a table with no chip behind. */
const noChip = 0;

interface Found {
  readonly tty: string;
  readonly usb?: UsbFacts | undefined;
  readonly mini: boolean;
  readonly driver?: string | undefined;
}

/** All serial ports of this machine, those on board first. Never rejects: what cannot be read is not there. */
export async function serialPorts(system: System): Promise<readonly SerialPort[]> {
  const found: Found[] = [];
  for (const tty of await system.list("/sys/class/tty")) {
    // tty1 is a virtual console; what has no device is no port.
    if (!/^tty[A-Za-z]+\d+$/.test(tty) || found.length === mostPorts) continue;
    const device = await system.realpath(`/sys/class/tty/${tty}/device`);
    if (device === undefined) continue;
    if ((await readNumber(system, `/sys/class/tty/${tty}/type`)) === noChip) continue;
    const usb = await usbFacts(system, device);
    const compatible = await readLine(system, `${device}/of_node/compatible`);
    const driver = await system.realpath(`${device}/driver`);
    found.push({
      tty,
      usb,
      mini: compatible?.includes("bcm2835-aux-uart") ?? false,
      driver: driver && posix.basename(driver),
    });
  }
  const links = await linksOf(system);
  const identities = found.map(({ usb }) => usb && usbIdentity(usb));
  return found
    .map((one) => {
      const twins = identities.filter(
        (other) => one.usb !== undefined && other === usbIdentity(one.usb),
      ).length;
      return portOf(one, links.get(`/dev/${one.tty}`) ?? [], twins > 1);
    })
    .toSorted((a, b) => Number(a.usb !== undefined) - Number(b.usb !== undefined));
}

function portOf({ tty, usb, mini, driver }: Found, links: readonly string[], twin: boolean): SerialPort {
  const device = `/dev/${tty}`;
  const byId = links.find((link) => link.startsWith("/dev/serial/by-id/"));
  const byPath = links.find((link) => link.startsWith("/dev/serial/by-path/"));
  const own = links.find((link) => !link.startsWith("/dev/serial/") && !/^\/dev\/serial\d$/.test(link));
  const names = [...links, device];
  const base = {
    tty,
    device,
    names,
    usb,
    mini,
    what: usb ? describeUsb(usb) : onBoard(tty, mini, driver),
  };
  // What is soldered on keeps its name.
  if (!usb) return { ...base, name: own ?? device, stable: true };
  if (byId !== undefined && !twin) return { ...base, name: byId, stable: true };
  if (own !== undefined && byId === undefined && byPath === undefined)
    return { ...base, name: own, stable: true };
  if (byPath !== undefined) {
    const note = twin
      ? said(
          "Another adapter says the very same of itself, so both share one name by-id. This name is that of the USB socket: mark it, and always use the same one.",
          "En annan adapter uppger exakt samma sak om sig själv, så båda får samma namn under by-id. Det här namnet hör till USB-uttaget: märk det och använd alltid samma uttag.",
        )
      : said(
          "The adapter has no name by-id. This name is that of the USB socket: always use the same one.",
          "Adaptern har inget namn under by-id. Det här namnet hör till USB-uttaget: använd alltid samma uttag.",
        );
    return { ...base, name: byPath, stable: true, note };
  }
  return {
    ...base,
    name: device,
    stable: false,
    note: said(
      "udev has made no lasting name for it: after a restart another adapter may have this one.",
      "udev har inte gett den något varaktigt namn: efter en omstart kan en annan adapter ha det här namnet.",
    ),
  };
}

function onBoard(tty: string, mini: boolean, driver: string | undefined): string {
  if (mini) return "on board, mini UART (no parity)";
  if (tty.startsWith("ttyAMA")) return "on board, PL011 UART";
  // Newer kernels have a bus of their own between the chip and its port, whose driver is called so.
  return driver === undefined || driver === "port" ? "on board" : `on board, ${driver}`;
}

/** Every link below /dev that leads to a port, by the port's own device. */
async function linksOf(system: System): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const folder of ["/dev/serial/by-id", "/dev/serial/by-path", "/dev"]) {
    for (const name of await system.list(folder)) {
      const path = `${folder}/${name}`;
      if ((await system.readlink(path)) === undefined) continue;
      const real = await system.realpath(path);
      if (real === undefined || !/^\/dev\/tty[A-Za-z]+\d+$/.test(real)) continue;
      found.set(real, [...(found.get(real) ?? []), path]);
    }
  }
  return found;
}

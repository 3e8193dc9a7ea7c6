import { posix } from "node:path";
import { readLine, type System } from "./system.ts";

/** What a USB adapter says of itself (kernel: Documentation/ABI/testing/sysfs-bus-usb). */
export interface UsbFacts {
  /** Four hexadecimal digits each. */
  readonly vendor: string;
  readonly product: string;
  readonly maker?: string | undefined;
  readonly model?: string | undefined;
  readonly serial?: string | undefined;
  /** Two hexadecimal digits. */
  readonly interface?: string | undefined;
  /** Of adapters with several ports on one interface. */
  readonly port?: string | undefined;
  readonly driver?: string | undefined;
}

/** Folders between a port and its USB device. */
const mostLevels = 6;

/** @param device the real folder behind /sys/class/tty/<name>/device; undefined when it is not on USB */
export async function usbFacts(system: System, device: string): Promise<UsbFacts | undefined> {
  let folder = device;
  let face: string | undefined;
  const port = await readLine(system, `${device}/port_number`);
  for (let level = 0; level < mostLevels && folder !== "/"; level++) {
    face ??= await readLine(system, `${folder}/bInterfaceNumber`);
    const vendor = await readLine(system, `${folder}/idVendor`);
    const product = await readLine(system, `${folder}/idProduct`);
    if (vendor !== undefined && product !== undefined) {
      const driver = await system.realpath(`${device}/driver`);
      return {
        vendor,
        product,
        maker: await readLine(system, `${folder}/manufacturer`),
        model: await readLine(system, `${folder}/product`),
        serial: await readLine(system, `${folder}/serial`),
        interface: face,
        port,
        driver: driver && posix.basename(driver),
      };
    }
    folder = posix.dirname(folder);
  }
  return undefined;
}

/** Chips that many adapters have, for those that do not say a name. */
const chips: Readonly<Record<string, string>> = {
  "0403:6001": "FT232R",
  "0403:6010": "FT2232",
  "0403:6011": "FT4232",
  "0403:6014": "FT232H",
  "0403:6015": "FT-X",
  "067b:2303": "PL2303",
  "067b:23a3": "PL2303GC",
  "10c4:ea60": "CP210x",
  "10c4:ea70": "CP2105",
  "1a86:5523": "CH341",
  "1a86:7522": "CH340",
  "1a86:7523": "CH340",
  "1a86:55d3": "CH343",
  "1a86:55d4": "CH9102",
};

/** `FT232R USB UART, FTDI, serial number A10ABCDE` */
export function describeUsb(usb: UsbFacts): string {
  const id = `${usb.vendor}:${usb.product}`;
  const chip = chips[id];
  const model = usb.model ?? chip ?? `USB ${id}`;
  const known = chip !== undefined && !model.includes(chip) ? [chip] : [];
  const parts = [
    model,
    ...known,
    ...(usb.maker === undefined ? [] : [usb.maker]),
    ...(usb.serial === undefined ? [] : [`serial number ${usb.serial}`]),
  ];
  const several = usb.interface !== undefined && usb.interface !== "00";
  return [...parts, ...(several ? [`interface ${usb.interface}`] : [])].join(", ");
}

/** What udev makes a name by-id of: two ports with the same have one name between them. */
export function usbIdentity({
  vendor,
  product,
  maker,
  model,
  serial,
  interface: face,
  port,
}: UsbFacts): string {
  return [vendor, product, maker, model, serial, face, port].map((part) => part ?? "").join("\t");
}

import * as z from "zod";
import { problem } from "./problems.ts";

/** What is asked of lsblk(8), which reads sysfs and udev's database and needs no root. */
export const lsblkArguments = [
  "--json",
  "--bytes",
  "--output",
  "NAME,PATH,SIZE,RM,HOTPLUG,TRAN,TYPE,MOUNTPOINTS,MODEL,VENDOR,SERIAL,RO,PKNAME,MAJ:MIN,LOG-SEC,FSTYPE,LABEL",
] as const;

/** A whole disk, or something else that was named where a disk should be. */
export interface Disk {
  readonly path: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly majorMinor: string;
  /** Vendor and model, as far as the disk says; without control characters. */
  readonly model: string;
  readonly serial: string;
  readonly transport: string;
  /** disk, loop, part, rom, lvm, crypt, raid1 ... as lsblk names it. */
  readonly type: string;
  readonly readOnly: boolean;
  /** Bytes per logical sector. */
  readonly sector: number;
  /** Made to be taken out: USB, an SD card, a medium that says it is removable. */
  readonly removable: boolean;
  /** Where it or a partition of it is mounted; `[SWAP]` for swap space. */
  readonly mounts: readonly string[];
  /** Partitions that are mounted, as umount takes them. */
  readonly mounted: readonly string[];
  /** Volumes that are open on top of it: LVM, RAID, encrypted. */
  readonly holders: readonly string[];
  /** Names of the file systems on it, which tell a person which card it is. */
  readonly labels: readonly string[];
}

interface Node {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly rm: boolean;
  readonly hotplug: boolean;
  readonly tran: string | null;
  readonly type: string;
  readonly mountpoints: readonly (string | null)[];
  readonly model: string | null;
  readonly vendor: string | null;
  readonly serial: string | null;
  readonly ro: boolean;
  readonly "maj:min": string;
  readonly "log-sec": number;
  readonly label: string | null;
  readonly children?: readonly Node[] | undefined;
}

// Before version 2.33 lsblk wrote numbers and truth values as text.
const text = z.string().max(4096).nullable().default(null);
const truth = z.union([z.boolean(), z.literal(["0", "1"]).transform((value) => value === "1")]);
const count = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
  ])
  .pipe(z.number().int().min(0));

const nodeSchema: z.ZodType<Node> = z.lazy(() =>
  z.object({
    name: z.string().min(1),
    path: z.string().min(1),
    size: count,
    rm: truth,
    hotplug: truth,
    tran: text,
    type: z.string(),
    mountpoints: z.array(z.string().nullable()),
    model: text,
    vendor: text,
    serial: text,
    ro: truth,
    "maj:min": z.string().trim(),
    "log-sec": count,
    label: text,
    children: z.array(nodeSchema).max(1024).optional(),
  }),
);
const listSchema = z.object({ blockdevices: z.array(nodeSchema).max(4096) });

const maxListBytes = 4 * 1024 * 1024;

/** All whole disks of lsblk's answer, also readers without a card, and with `other` everything else. Throws RefusedError. */
export function parseDisks(json: string, { other = false }: { readonly other?: boolean } = {}): Disk[] {
  if (json.length > maxListBytes) throw problem("tool-missing", "lsblk says too much");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw problem("tool-missing", "lsblk did not answer with JSON", { cause });
  }
  const list = listSchema.safeParse(value);
  if (!list.success)
    throw problem("tool-missing", `lsblk answers otherwise than expected: ${z.prettifyError(list.error)}`);
  const nodes = list.data.blockdevices;
  // Soldered eMMC is told from a card by its boot areas, which are disks of their own.
  const soldered = new Set(nodes.map(({ name }) => /^(mmcblk\d+)boot\d$/.exec(name)?.[1]));
  const chosen = other
    ? nodes.flatMap(withBelow)
    : nodes.filter(({ name }) => !/^(mmcblk\d+(boot\d|rpmb)|zram\d+)$/.test(name));
  return chosen.map((node) => diskOf(node, soldered.has(node.name)));
}

function diskOf(node: Node, soldered: boolean): Disk {
  const below = withBelow(node).slice(1);
  const all = [node, ...below];
  return {
    path: node.path,
    name: node.name,
    size: node.size,
    majorMinor: node["maj:min"],
    model: [node.vendor, node.model].map(cleanLabel).filter(Boolean).join(" "),
    serial: cleanLabel(node.serial),
    transport: node.tran ?? "",
    type: node.type,
    readOnly: node.ro,
    sector: node["log-sec"],
    removable:
      !soldered && (node.rm || node.tran === "usb" || node.tran === "mmc" || /^mmcblk\d+$/.test(node.name)),
    mounts: all.flatMap(({ mountpoints }) => mountpoints.filter((one) => one !== null)).map(cleanLabel),
    mounted: all
      .filter(({ mountpoints }) => mountpoints.some((one) => one !== null && one !== "[SWAP]"))
      .map(({ path }) => path),
    holders: below
      .filter(({ type }) => type !== "part")
      .map(({ name, type }) => `${type} ${cleanLabel(name)}`),
    labels: [...new Set(all.map(({ label }) => cleanLabel(label)).filter(Boolean))],
  };
}

function withBelow(node: Node): Node[] {
  return [node, ...(node.children ?? []).flatMap(withBelow)];
}

// Control characters would rule the terminal, and marks of direction (UAX #9) could turn "sda" into "ads".
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** What a stick says of itself, fit to be shown: anybody can write anything into it. */
export function cleanLabel(label: string | null): string {
  return (label ?? "").replaceAll(/\s+/g, " ").replaceAll(unsafe, "").trim().slice(0, 64);
}

/** Whether it is the disk that was chosen, not another that came in its place. */
export function isSameDisk(chosen: Disk, now: Disk | undefined): boolean {
  return (
    now !== undefined &&
    now.path === chosen.path &&
    now.majorMinor === chosen.majorMinor &&
    now.size === chosen.size &&
    now.serial === chosen.serial &&
    now.model === chosen.model
  );
}

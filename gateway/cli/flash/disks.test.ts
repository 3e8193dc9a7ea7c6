import { describe, expect, it } from "vitest";
import { cleanLabel, type Disk, isSameDisk, parseDisks } from "./disks.ts";
import { nameToType, refusalsOf } from "./refusals.ts";
import { standing } from "./session.ts";

// What lsblk (util-linux 2.38 to 2.41) says on computers that technicians have.

interface Node {
  readonly name: string;
  readonly [key: string]: unknown;
}
const node = (name: string, more: Record<string, unknown> = {}): Node => ({
  name,
  path: `/dev/${name}`,
  size: 32e9,
  rm: false,
  hotplug: false,
  tran: null,
  type: "disk",
  mountpoints: [null],
  model: null,
  vendor: null,
  serial: null,
  ro: false,
  pkname: null,
  "maj:min": "8:0",
  "log-sec": 512,
  fstype: null,
  label: null,
  ...more,
});
const part = (name: string, ...mountpoints: (string | null)[]) => node(name, { type: "part", mountpoints });
const answer = (...blockdevices: Node[]) => JSON.stringify({ blockdevices });

const stick = node("sdb", {
  rm: true,
  hotplug: true,
  tran: "usb",
  vendor: "SanDisk ",
  model: "Ultra",
  serial: "4C53",
  "maj:min": "8:16",
  size: 30.8e9,
  children: [node("sdb1", { type: "part", label: "FOTON" })],
});
const laptop = [
  node("nvme0n1", {
    tran: "nvme",
    size: 512e9,
    model: "SAMSUNG MZVL2512",
    serial: "S64K",
    "maj:min": "259:0",
    children: [
      part("nvme0n1p1", "/boot/efi"),
      part("nvme0n1p2", "/boot"),
      node("nvme0n1p3", {
        type: "part",
        fstype: "crypto_LUKS",
        children: [
          node("dm_crypt-0", {
            type: "crypt",
            path: "/dev/mapper/dm_crypt-0",
            children: [
              node("vg-root", { type: "lvm", path: "/dev/mapper/vg-root", mountpoints: ["/"] }),
              node("vg-swap", { type: "lvm", path: "/dev/mapper/vg-swap", mountpoints: ["[SWAP]"] }),
            ],
          }),
        ],
      }),
    ],
  }),
  stick,
  // A reader in the laptop: RM=0 although the card comes out.
  node("mmcblk0", {
    tran: "mmc",
    size: 15.9e9,
    serial: "0x12345678",
    "maj:min": "179:0",
    children: [part("mmcblk0p1", null)],
  }),
];

const found = (name: string, json: string, other = false): Disk => {
  const disk = parseDisks(json, { other }).find((one) => one.name === name);
  if (!disk) throw new Error(`no ${name}`);
  return disk;
};
const codes = (disk: Disk, imageSize = 1e9) => refusalsOf(disk, imageSize).map(({ code }) => code);

describe("a laptop", () => {
  const json = answer(...laptop);
  it("offers the stick and the card, and never its system", () => {
    expect(codes(found("sdb", json))).toEqual([]);
    expect(codes(found("mmcblk0", json))).toEqual([]);
    expect(codes(found("nvme0n1", json))).toEqual([
      "system",
      "boot",
      "swap",
      "holders",
      "not-removable",
      "too-large",
    ]);
    const never = standing(found("nvme0n1", json), 1e9, { typed: "S64K" }).map(({ code }) => code);
    expect(never).toEqual(["system", "boot", "swap", "holders"]);
  });

  it("shows what tells one card from another", () => {
    expect(found("sdb", json)).toMatchObject({
      model: "SanDisk Ultra",
      serial: "4C53",
      labels: ["FOTON"],
      size: 30.8e9,
      majorMinor: "8:16",
    });
  });

  it("is read alike from before util-linux 2.33, which wrote everything as text", () => {
    const old = answer({
      ...stick,
      size: "30800000000",
      rm: "1",
      hotplug: "1",
      ro: "0",
      "log-sec": "512",
      "maj:min": "  8:16",
    });
    expect(codes(found("sdb", old))).toEqual([]);
    expect(found("sdb", old).majorMinor).toBe("8:16");
  });
});

describe("is refused", () => {
  const usb = { rm: true, tran: "usb", serial: "X1" };
  it.each<[string, Node, string[]]>([
    ["the system", node("sda", { ...usb, children: [part("sda1", "/")] }), ["system"]],
    ["a disk with /home", node("sda", { ...usb, children: [part("sda1", "/home/kim")] }), ["system"]],
    ["a disk with /boot", node("sda", { ...usb, children: [part("sda1", "/boot/firmware")] }), ["boot"]],
    ["swap space", node("sda", { ...usb, children: [part("sda1", "[SWAP]")] }), ["swap"]],
    ["a RAID member", node("sda", { ...usb, children: [node("md0", { type: "raid1" })] }), ["holders"]],
    [
      "an open LUKS volume",
      node("sda", { ...usb, children: [node("luks-1", { type: "crypt" })] }),
      ["holders"],
    ],
    [
      "a volume group in use",
      node("sda", { ...usb, children: [node("vg-a", { type: "lvm" })] }),
      ["holders"],
    ],
    [
      "what the desktop mounted",
      node("sda", { ...usb, children: [part("sda1", "/media/kim/FOTON")] }),
      ["mounted"],
    ],
    [
      "what is mounted twice",
      node("sda", { ...usb, mountpoints: ["/mnt/a", "/srv/b"] }),
      ["system", "mounted"],
    ],
    ["write-protected", node("sda", { ...usb, ro: true }), ["read-only"]],
    ["a reader without a card", node("sda", { ...usb, size: 0 }), ["empty"]],
    ["too small", node("sda", { ...usb, size: 0.9e9 }), ["too-small"]],
    ["too large", node("sda", { ...usb, size: 2e12 }), ["too-large"]],
    ["sectors of 4096", node("sda", { ...usb, "log-sec": 4096 }), ["sector-size"]],
    ["built in", node("sda", { tran: "sata" }), ["not-removable"]],
    ["a loop device", node("loop3", { type: "loop" }), ["loop"]],
    ["a CD", node("sr0", { ...usb, type: "rom" }), ["not-a-disk"]],
    ["a partition", part("sda1"), ["partition", "not-removable"]],
  ])("%s", (_, one, expected) => {
    expect(codes(found(one.name, answer(one)))).toEqual(expected);
  });

  it("soldered eMMC, which looks like a card", () => {
    const json = answer(node("mmcblk0", { tran: "mmc" }), node("mmcblk0boot0"), node("mmcblk0boot1"));
    expect(parseDisks(json)).toHaveLength(1);
    expect(codes(found("mmcblk0", json))).toEqual(["not-removable"]);
  });

  it("unless its serial number or name is typed, where that is allowed", () => {
    const disk = found("sda", answer(node("sda", { tran: "sata", serial: "WD-1", size: 4e12 })));
    expect(nameToType(disk)).toBe("WD-1");
    for (const typed of [undefined, "", "yes", "sdb", "WD-", "WD-12"])
      expect(standing(disk, 1e9, { typed })).toHaveLength(2);
    expect(standing(disk, 1e9, { typed: "WD-1" })).toEqual([]);
    expect(nameToType(found("loop3", answer(node("loop3", { type: "loop" }))))).toBe("loop3");
    // No serial number is no name: nothing typed is nothing meant.
    expect(standing(found("sda", answer(node("sda", { tran: "sata" }))), 1e9, { typed: "" })).toHaveLength(1);
  });
});

it("shows nothing that rules the terminal or turns text around", () => {
  expect(cleanLabel("evil\u001b[2J\u202eads\u2066x\u0007\u0000\u200b")).toBe("evil[2Jadsx");
  expect(cleanLabel("  Generic   STORAGE\n DEVICE ")).toBe("Generic STORAGE DEVICE");
  expect(cleanLabel("å".repeat(500))).toHaveLength(64);
  expect(found("sdb", answer({ ...stick, model: "Ult\u202era\u001b]0;x\u0007" })).model).toBe(
    "SanDisk Ultra]0;x",
  );
});

it("knows another disk by any of what identifies it", () => {
  const chosen = found("sdb", answer(stick));
  expect(isSameDisk(chosen, found("sdb", answer(stick)))).toBe(true);
  expect(isSameDisk(chosen, undefined)).toBe(false);
  for (const change of [
    { serial: "4C54" },
    { size: 30.9e9 },
    { model: "Extreme" },
    { "maj:min": "8:32" },
    { path: "/dev/sdc" },
  ])
    expect(isSameDisk(chosen, found("sdb", answer({ ...stick, ...change })))).toBe(false);
});

it("refuses answers of lsblk that it does not understand", () => {
  for (const json of [
    "",
    "[]",
    '{"blockdevices":[{}]}',
    answer({ ...stick, size: -1 }),
    answer({ ...stick, rm: "maybe" }),
    " ".repeat(5e6),
  ])
    expect(() => parseDisks(json)).toThrow(expect.objectContaining({ code: "tool-missing" }));
});

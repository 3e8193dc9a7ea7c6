/** RAUC's manifest of a bundle: the root and its kernel, for one slot of one kind of board. */
export function bundleManifest(compatible: string, version: string): string {
  return `[update]
compatible=${compatible}
version=${version}

[bundle]
format=verity

[image.rootfs]
filename=rootfs.img

[image.boot]
filename=boot.img
`;
}

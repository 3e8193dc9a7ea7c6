# The disk: what is written to a card, its map of blocks in use, and the bundle that updates one slot.

disk=$out/disk.img
rm -f "$disk"
truncate -s "${DISK_MIB}M" "$disk"
sfdisk -q "$disk" </work/in/partitions
put() { # put NUMBER FILE
  local start
  start=$(sfdisk -d "$disk" | sed -n "s|^$disk$1 : start= *\([0-9]*\),.*|\1|p")
  # Not sparse: a block of zeros that the map left out would keep what a card held before.
  dd if="$2" of="$disk" bs=1M oflag=seek_bytes seek=$((start * 512)) conv=notrunc status=none
}
put 1 "$out/gwboot.img"
put 2 "$out/bootstate.img"
put 3 "$out/boot.img"
put 4 "$out/root.img"
put 7 "$out/data.img"
if [ "$HYBRID" = yes ]; then
  # Old boot ROMs read only the MBR: its entries, from byte 440 on.
  dd if=/work/in/mbr of="$disk" bs=1 seek=440 conv=notrunc status=none
fi
bmaptool -q create -o "$out/disk.bmap" "$disk"
zstd -q -f -"$ZSTD_LEVEL" -T2 "$disk" -o "$out/disk.img.zst"
say "disk: $(du -m "$disk" | cut -f1) of $DISK_MIB MB, compressed $(stat -c %s "$out/disk.img.zst") bytes"

bundle=/scratch/bundle
mkdir -p "$bundle"
cp "$out/root.img" "$bundle/rootfs.img"
cp "$out/boot.img" "$bundle/boot.img"
cp /work/in/manifest.raucm "$bundle/manifest.raucm"
rm -f "$out/bundle.raucb"
rauc --cert=/work/in/sign.cert.pem --key=/work/in/sign.key.pem --keyring=/work/in/ca.cert.pem bundle "$bundle" "$out/bundle.raucb" \
  >/scratch/rauc.log 2>&1 || { cat /scratch/rauc.log; exit 1; }
say "bundle: $(stat -c %s "$out/bundle.raucb") bytes"

# The contents of the partitions. Every id and time is given, so that the same input makes the same bytes.

# Before the sums are taken: nothing that differs between two builds.
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0r touch -h -d "@$SOURCE_DATE_EPOCH"
(cd "$root" && find . -printf '%M %U:%G %s %p\t%l\n' | sort -k4) >"$out/files.txt"
mkfs.erofs --quiet -zlz4hc,9 -C65536 -T"$SOURCE_DATE_EPOCH" --all-time -U "$ROOT_UUID" "$out/root.img" "$root" >/dev/null
say "root: $(stat -c %s "$out/root.img") bytes"

fat() { # fat IMAGE MIB ID LABEL FOLDER
  local size=16
  [ "$2" -lt 48 ] || size=32
  rm -f "$1"
  truncate -s "$2M" "$1"
  mkfs.vfat --invariant -F "$size" -s 1 -i "$3" -n "$4" "$1" >/dev/null
  find "$5" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
  # In the order of their names: the order in a folder is part of the bytes.
  (cd "$5" && find . -mindepth 1 -maxdepth 1 | sort | xargs -r -I{} mcopy -s -m -i "$1" {} ::)
}

boot=/scratch/boot
mkdir -p "$boot"
cp "$out/vmlinuz" "$out/initrd.img" "$boot"
fat "$out/boot.img" "$BOOT_MIB" 0a0b0c0d BOOT "$boot"

firmware=/scratch/firmware
mkdir -p "$firmware"
mkimage -A arm64 -T script -C none -n stadsnod -d /work/in/boot.cmd "$firmware/boot.scr" >/dev/null
. "$here/boards/$BOARD.sh"
fat "$out/gwboot.img" "$GWBOOT_MIB" 0a0b0c0e GWBOOT "$firmware"
say "boot: $(du -sm "$boot" | cut -f1) MB of $BOOT_MIB, gwboot: $(du -sm "$firmware" | cut -f1) MB of $GWBOOT_MIB"

printf 'BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n' | mkenvimage -s 512 -o "$out/bootstate.img" -
rm -f "$out/data.img"
truncate -s "${DATA_MIB}M" "$out/data.img"
E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -t ext4 -L data -U "$DATA_UUID" -E "hash_seed=$DATA_UUID,lazy_itable_init=1" \
  -m 0 "$out/data.img"

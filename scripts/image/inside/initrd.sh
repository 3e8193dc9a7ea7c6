# A first root of busybox, e2fsck and the modules that disks need. Debian's generic one is fifteen times as
# large, and making it means running programs of the image.

initrd=/scratch/initrd
mkdir -p "$initrd"/{bin,dev,proc,sys,root,data,lib/modules}
cp "$extracted/usr/bin/busybox" "$initrd/bin/busybox"
cp "$here/initrd/init" "$initrd/init"
cp "$here/initrd/binds" "$initrd/binds"
chmod 0755 "$initrd/init"

# e2fsck and what it is linked against, where its loader looks.
need() {
  local file=$1 name
  # Links are followed by what they lead to below the image, not on this machine.
  cp -L --parents "${file#"$root"/}" "$initrd" 2>/dev/null
  for name in $(aarch64-linux-gnu-readelf -d "$file" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'); do
    [ -e "$initrd/usr/lib/$TRIPLET/$name" ] || need "$root/usr/lib/$TRIPLET/$name"
  done
}
(cd "$root" && need "$root/usr/sbin/e2fsck")
loader=$(aarch64-linux-gnu-readelf -l "$root/usr/sbin/e2fsck" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
install -D -m 0755 "$root/$(readlink -f "$root/usr$loader" | sed "s|^$root/||")" "$initrd$loader"

for module in $INITRD_MODULES; do
  modprobe -d "$root" -S "$release" --show-depends "$module" 2>/dev/null | awk '$1 == "insmod" { print $2 }' || true
done | awk '!seen[$0]++' >/scratch/initrd-modules
while read -r file; do
  name=$(basename "$file" .xz)
  xz -dc "$file" >"$initrd/lib/modules/$name"
  echo "$name"
done </scratch/initrd-modules >"$initrd/lib/modules/order"
find "$initrd" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
(cd "$initrd" && find . | sort | cpio --reproducible -o -H newc -R 0:0 --quiet) | zstd -19 -q -T1 >"$out/initrd.img"
say "initrd: $(wc -l </scratch/initrd-modules) modules, $(stat -c %s "$out/initrd.img") bytes"

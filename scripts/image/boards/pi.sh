# The first partition of a Raspberry Pi: VideoCore's firmware, device trees, U-Boot for each generation, and the
# file that says which is which. It is the one part without A and B, so it holds nothing that has to change.
cp "$extracted"/usr/lib/raspi-firmware/{bootcode.bin,start.elf,start4.elf,fixup.dat,fixup4.dat} "$firmware"
cp "$extracted"/usr/lib/u-boot/rpi_3/u-boot.bin "$firmware/u-boot-3.bin"
cp "$extracted"/usr/lib/u-boot/rpi_4/u-boot.bin "$firmware/u-boot-4.bin"
for tree in "$extracted"/usr/lib/linux-image-"$release"/broadcom/bcm27{10,11}*.dtb "$extracted"/usr/lib/linux-image-"$release"/broadcom/bcm2837*.dtb; do
  [ ! -e "$tree" ] || cp "$tree" "$firmware"
done
cp "$here/boot/config.txt" "$firmware/config.txt"
install -m 0644 "$extracted/usr/share/doc/raspi-firmware/copyright" "$firmware/LICENCE.firmware.txt"

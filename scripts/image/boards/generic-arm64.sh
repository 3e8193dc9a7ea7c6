# U-Boot itself comes with the virtual machine (QEMU's -bios), so nothing but the script is needed here.
cp "$extracted/usr/lib/u-boot/qemu_arm64/u-boot.bin" "$out/u-boot.bin"

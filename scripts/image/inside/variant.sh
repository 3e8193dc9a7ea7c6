#!/bin/bash
# A bundle like another one's, as a later version of it: its root with another number, changed by the commands in /work/in/change.
set -euo pipefail
umask 022
. /work/in/settings
root=/scratch/root
fsck.erofs --extract="$root" --preserve /work/in/root.img >/dev/null
sed -i "s/^STADSNOD_VERSION=.*/STADSNOD_VERSION=$VERSION/" "$root/usr/lib/os-release"
(cd "$root" && bash -eu /work/in/change)
bundle=/scratch/bundle
mkdir -p "$bundle"
# Weaker compression than a release's: nobody keeps it.
mkfs.erofs --quiet -zlz4 -C65536 -T"$SOURCE_DATE_EPOCH" --all-time "$bundle/rootfs.img" "$root" >/dev/null
cp /work/in/boot.img "$bundle/boot.img"
cp /work/in/manifest.raucm "$bundle/manifest.raucm"
rauc --cert=/work/in/sign.cert.pem --key=/work/in/sign.key.pem --keyring=/work/in/ca.cert.pem bundle "$bundle" /work/out/bundle.raucb

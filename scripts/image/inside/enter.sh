#!/bin/bash
# Runs a command inside a throw-away copy of the tool root: whatever it and the maintainer scripts of
# packages do there is gone afterwards, except for what it writes to /work.
#   enter.sh TOOL_ROOT WORK COMMAND...    (as root)
set -euo pipefail
if [ "${STADSNOD_ENTERED:-}" != yes ]; then
  STADSNOD_ENTERED=yes exec unshare --mount --propagation private bash "$0" "$@"
fi
tool_root=$1 work=$2
shift 2

mount -t tmpfs -o size=12G,mode=0755 throw-away /mnt
mkdir /mnt/upper /mnt/overlay /mnt/root
mount -t overlay -o "lowerdir=$tool_root,upperdir=/mnt/upper,workdir=/mnt/overlay" overlay /mnt/root
cd /mnt/root
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mkdir -p work scratch
mount --bind "$work" work
cp /etc/resolv.conf etc/resolv.conf
cp /etc/hosts etc/hosts
# How this machine reaches the package archives is the machine's affair.
proxies=()
for name in http_proxy https_proxy no_proxy; do
  [ -z "${!name:-}" ] || proxies+=("$name=${!name}")
done
exec chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TZ=UTC "${proxies[@]}" \
  "SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}" "$@"

#!/bin/sh
# The first process of a machine whose power is cut (user-mode-linux.ts). Its root is the host's, read-only; its data disk
# is the image that outlives it. What it says to the host stands in a folder of the host by the time that a write returns:
# promises, and a report per boot.
# The kernel's command line sets: host (that folder), node, check (yes: e2fsck before the mount, as a boot may do it).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin NODE_NO_WARNINGS=1
: "${host:?}" "${node:?}" "${check:?}"
fail() { # fail WHAT: the disk is not one to start with
  echo "{\"problems\":[{\"kind\":\"corrupt\",\"text\":\"$1\"}],\"packs\":0,\"commands\":0}" >>/mnt/host/reports
  halt -f
}
mount -t tmpfs tmpfs /mnt
mkdir /mnt/host /mnt/data
mount -t proc proc /proc
mount -t hostfs -o "sync,$host" none /mnt/host || exec echo "the machine cannot reach its host"
if [ "$check" = yes ]; then
  e2fsck -p /dev/ubda
  code=$?
  # 1: mended, as after every cut.
  [ "$code" -le 1 ] || fail "e2fsck ended with $code"
fi
mount -t ext4 -o noatime,nosuid,nodev /dev/ubda /mnt/data || fail "the data disk cannot be mounted"
"$node" /mnt/host/work.mjs >>/mnt/host/promises
# It works until the power goes.
echo "the work ended with $?"
halt -f

#!/bin/bash
# A machine with a systemd of its own: machine-in-namespaces.sh ROOT CGROUP, where ROOT is the folder of a Debian and CGROUP
# a cgroup of version 2 made for it. Needs root. It shares this kernel, sees no devices, has no network but its own loopback,
# and may change nothing outside ROOT. It ends with its first process.
set -euo pipefail
root=$1 cgroup=$2
if [ "${3:-}" != inside ]; then
  echo $$ >"$cgroup/cgroup.procs"
  exec unshare --pid --mount --cgroup --uts --ipc --net --fork --kill-child "$0" "$root" "$cgroup" inside
fi
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
for name in null zero full random urandom tty; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
cd "$root"
mkdir -p old
pivot_root . old
umount -l /old
rmdir /old
exec env -i container=stadsnod-test PATH=/usr/sbin:/usr/bin /usr/lib/systemd/systemd --log-target=journal systemd.unit=multi-user.target

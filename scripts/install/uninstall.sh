#!/bin/sh
# Removes Stadsnod. What it measured and how it was configured stay, unless --purge is said; docs/install.md.
set -eu

usage() {
  cat <<'END'
usage: uninstall.sh [--purge [--yes]] [--dry-run]

  --purge    remove configuration, keys, users, readings that were not sent, and the accounts, too
  --yes      with --purge: do not ask
  --dry-run  say what would be done, and do nothing
END
}

home=/opt/stadsnod
library=/usr/local/lib
purge=no
yes=no
dry=no
while [ $# -gt 0 ]; do
  case $1 in
  --purge) purge=yes ;;
  --yes) yes=yes ;;
  --dry-run) dry=yes ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && exit 2 ;;
  esac
  shift
done

say() { printf 'stadsnod: %s\n' "$*"; }
fail() {
  printf 'stadsnod: %s\n' "$*" >&2
  exit 1
}
run() {
  if [ "$dry" = yes ]; then printf '  would run: %s\n' "$*"; else "$@"; fi
}

[ "$(id -u)" = 0 ] || [ "$dry" = yes ] || fail 'only root can uninstall'
# This script lies in what it removes.
cd /

if [ "$purge" = yes ] && [ "$yes" = no ] && [ "$dry" = no ]; then
  say 'this removes /etc/stadsnod and /var/lib/stadsnod: the key that is this gateway to the city, its users,'
  say 'its configuration, and every reading that the city has not got yet. It cannot be undone.'
  printf 'Type purge to go on: '
  read -r answer || answer=
  [ "$answer" = purge ] || fail 'nothing was removed'
fi

units='stadsnod-node-red.path stadsnod-node-red.service stadsnod-enrol.timer stadsnod-enrol.service stadsnod.service'
for unit in $units; do
  # A unit that is not there is none that could be stopped.
  [ -e "$library/systemd/system/$unit" ] || continue
  if [ -d /run/systemd/system ]; then run systemctl disable --quiet --now "$unit"; else run systemctl disable --quiet "$unit"; fi
done
for unit in $units; do run rm -rf "$library/systemd/system/$unit" "$library/systemd/system/$unit.d"; done
run rm -f "$library/udev/rules.d/70-stadsnod-serial.rules" "$library/tmpfiles.d/stadsnod.conf" "$library/sysusers.d/stadsnod.conf"
for folder in systemd/system systemd udev/rules.d udev tmpfiles.d sysusers.d; do
  # Only those that are empty go.
  [ ! -d "$library/$folder" ] || run rmdir --ignore-fail-on-non-empty "$library/$folder"
done
[ "$(readlink /usr/local/bin/stadsnod 2>/dev/null || true)" != "$home/bin/stadsnod" ] || run rm -f /usr/local/bin/stadsnod
run rm -rf "$home" /run/stadsnod
for cache in stadsnod stadsnod-node-red stadsnod-enrol; do run rm -rf "/var/cache/$cache"; done
if [ -d /run/systemd/system ]; then
  run systemctl daemon-reload
  [ ! -S /run/udev/control ] || run udevadm control --reload
fi

if [ "$purge" = yes ]; then
  run rm -rf /etc/stadsnod /var/lib/stadsnod /var/lib/stadsnod-node-red
  for account in stadsnod stadsnod-nodered; do
    if getent passwd "$account" >/dev/null; then run userdel "$account"; fi
    if getent group "$account" >/dev/null; then run groupdel "$account"; fi
  done
  # On flash a file that is removed may still be read by who takes the card apart.
  say 'everything is removed. Of a card that leaves your hands, destroy it or write all of it anew.'
else
  say 'the program is removed. Kept: /etc/stadsnod, /var/lib/stadsnod, /var/lib/stadsnod-node-red and the accounts'
  say '(install again to go on where it stopped; --purge removes them, too).'
fi

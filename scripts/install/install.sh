#!/bin/sh
# Installs Stadsnod on Debian 12 or later, or Raspberry Pi OS of the same age, 64 bits; docs/install.md.
# Nothing that somebody wrote is overwritten. Run again, it repairs; of a newer release, it upgrades.
set -eu

usage() {
  cat <<'END'
usage: install.sh [--dry-run] [--no-start] [--with-node-red]
       install.sh --back [--dry-run] [--no-start]

  --dry-run        say what would be done, and do nothing
  --no-start       install, and leave starting to somebody else
  --with-node-red  start Node-RED beside the gateway, too (gateway.yaml must enable it)
  --back           return to the version before this one
END
}

home=/opt/stadsnod
library=/usr/local/lib
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
dry=no
start=yes
back=no
services='stadsnod.service'
while [ $# -gt 0 ]; do
  case $1 in
  --dry-run) dry=yes ;;
  --no-start) start=no ;;
  --back) back=yes ;;
  --with-node-red) services="$services stadsnod-node-red.service stadsnod-node-red.path" ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && exit 2 ;;
  esac
  shift
done

say() { printf 'stadsnod: %s\n' "$*"; }
fail() { # fail WHAT [HINT]
  printf 'stadsnod: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}
run() { # run COMMAND...: shown only, with --dry-run
  if [ "$dry" = yes ]; then printf '  would run: %s\n' "$*"; else "$@"; fi
}
# Whether systemd runs here: it does not in a chroot or an image that is being made.
lives() { [ -d /run/systemd/system ] && [ "$start" = yes ]; }

check_machine() {
  [ "$(id -u)" = 0 ] || [ "$dry" = yes ] || fail 'only root can install' "sudo $0"
  wanted=$(cat "$here/ARCHITECTURE")
  # Of the programs, not of the kernel: a 32-bit Raspberry Pi OS has a 64-bit kernel.
  found=$(dpkg --print-architecture 2>/dev/null || uname -m)
  case $found in
  "$wanted") ;;
  armhf | armel | i386) fail "this system is 32-bit ($found), and Stadsnod needs 64 bits" 'install the 64-bit edition of your system' ;;
  *) fail "this package is for $wanted, this machine is $found" 'take the package of this architecture' ;;
  esac
  command -v systemctl >/dev/null || fail 'there is no systemd here'
  systemd=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  [ "${systemd:-0}" -ge 252 ] || fail "systemd ${systemd:-unknown} is too old: 252 or later is needed" 'Debian 12 has it'
  for tool in systemd-sysusers systemd-tmpfiles sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
  done
  (cd "$here" && sha256sum --check --quiet --strict SHA256SUMS) >&2 || fail 'the package is damaged' 'fetch it again'
  "$here/bin/node" --version >/dev/null 2>&1 || fail 'Node.js does not run here' 'apt-get install libstdc++6 libatomic1'
  size=$(du -sk "$here" | cut -f1)
  enough "$(nearest "$home")" $((size * 3 / 2))
  # Room for the outbox to begin with.
  enough "$(nearest /var/lib/stadsnod)" 102400
}

nearest() { # nearest PATH: the part of it that is there
  path=$1
  while [ ! -d "$path" ]; do path=$(dirname -- "$path"); done
  printf '%s\n' "$path"
}

enough() { # enough FOLDER KIB
  free=$(df -Pk "$1" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$2" ] || fail "$1 has $((free / 1024)) MB free, and $(($2 / 1024)) MB are needed"
}

put() { # put FILE TARGET: a file of ours, whole or not at all
  cmp -s "$1" "$2" && return
  run mkdir -p "$(dirname -- "$2")"
  run install -m 0644 "$1" "$2.new"
  run mv -f "$2.new" "$2"
}

point() { # point LINK TARGET: changes a link in one step
  [ "$(readlink "$1" 2>/dev/null || true)" != "$2" ] || return 0
  run ln -sfn "$2" "$1.new"
  run mv -fT "$1.new" "$1"
}

# What the system needs to know of a version: its units, rules, accounts and folders.
register() { # register FOLDER
  for unit in stadsnod.service stadsnod-node-red.service stadsnod-node-red.path stadsnod-enrol.service stadsnod-enrol.timer; do
    put "$1/install/units/$unit" "$library/systemd/system/$unit"
  done
  if [ "$systemd" -lt 254 ]; then
    put "$1/install/old-systemd.conf" "$library/systemd/system/stadsnod.service.d/old-systemd.conf"
  else
    run rm -rf "$library/systemd/system/stadsnod.service.d"
  fi
  put "$1/install/units/70-stadsnod-serial.rules" "$library/udev/rules.d/70-stadsnod-serial.rules"
  put "$1/install/sysusers.conf" "$library/sysusers.d/stadsnod.conf"
  put "$1/install/tmpfiles.conf" "$library/tmpfiles.d/stadsnod.conf"
  run systemd-sysusers "$library/sysusers.d/stadsnod.conf"
  run systemd-tmpfiles --create "$library/tmpfiles.d/stadsnod.conf"
  for part in bin dist device-profiles docs gateway.sample.yaml; do point "$home/$part" "current/$part"; done
  point /usr/local/bin/stadsnod "$home/bin/stadsnod"
}

configure() {
  [ ! -e /etc/stadsnod/gateway.yaml ] || return 0
  id=$(uname -n | tr '[:upper:]' '[:lower:]' | sed 's/\..*//; s/[^a-z0-9]\{1,\}/-/g; s/^-*//; s/-*$//' | cut -c1-32)
  zone=$(cat /etc/timezone 2>/dev/null || readlink /etc/localtime 2>/dev/null | sed 's|.*/zoneinfo/||')
  say "a first configuration: /etc/stadsnod/gateway.yaml, gateway ${id:-gateway}"
  [ "$dry" = no ] || return 0
  draft=/etc/stadsnod/gateway.yaml.new
  sed "s|@ID@|${id:-gateway}|; s|@TIME_ZONE@|${zone:-Europe/Stockholm}|" "$here/install/gateway.yaml" >"$draft"
  chown stadsnod:stadsnod "$draft"
  chmod 0640 "$draft"
  mv "$draft" /etc/stadsnod/gateway.yaml
}

# Starts what is installed now; false when the gateway does not come up.
launch() {
  if ! lives; then
    # Also in a folder that is no running system.
    # shellcheck disable=SC2086 # words
    run systemctl enable --quiet $services
    return 0
  fi
  if [ -S /run/udev/control ]; then
    run udevadm control --reload
    run udevadm trigger --action=change --subsystem-match=tty
  fi
  run systemctl daemon-reload
  # shellcheck disable=SC2086 # words
  run systemctl enable --quiet $services
  # shellcheck disable=SC2086 # words
  run systemctl restart $services
}

version_of() { cat "$home/$1/VERSION" 2>/dev/null || true; }

go_back() {
  previous=$(readlink "$home/previous" 2>/dev/null || true)
  if [ -z "$previous" ] || [ ! -d "$home/$previous" ]; then fail 'there is no version before this one'; fi
  current=$(readlink "$home/current")
  say "back from $(version_of current) to $(version_of previous)"
  point "$home/current" "$previous"
  point "$home/previous" "$current"
  register "$home/$previous"
}

if [ "$back" = yes ]; then
  [ "$(id -u)" = 0 ] || [ "$dry" = yes ] || fail 'only root can do this' "sudo $0 --back"
  systemd=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  go_back
  launch || fail 'the gateway does not start' 'journalctl -u stadsnod -n 50'
  exit 0
fi

check_machine
version=$(cat "$here/VERSION")
before=$(version_of current)
folder=versions/$version
run mkdir -p "$home/versions"
if cmp -s "$here/SHA256SUMS" "$home/$folder/SHA256SUMS" &&
  (cd "$home/$folder" && sha256sum --check --quiet --strict SHA256SUMS) >/dev/null 2>&1; then
  say "version $version is in its place"
else
  say "version $version goes to $home/$folder"
  run rm -rf "$home/$folder.new" "$home/$folder.old"
  run cp -R "$here" "$home/$folder.new"
  run chown -R root:root "$home/$folder.new"
  run chmod -R u=rwX,go=rX "$home/$folder.new"
  # What a power cut leaves is the old version, or the new one whole.
  run sync -f "$home/versions"
  [ ! -e "$home/$folder" ] || run mv -T "$home/$folder" "$home/$folder.old"
  run mv -T "$home/$folder.new" "$home/$folder"
  run rm -rf "$home/$folder.old"
fi
if [ -n "$before" ] && [ "$before" != "$version" ]; then point "$home/previous" "versions/$before"; fi
point "$home/current" "$folder"
register "$home/$folder"
configure
if ! launch; then
  journalctl -u stadsnod -n 20 --no-pager >&2 || true
  if [ -z "$before" ] || [ "$before" = "$version" ]; then
    fail 'the gateway does not start' 'journalctl -u stadsnod -n 50'
  fi
  go_back
  launch || fail 'neither this version nor the one before starts' 'journalctl -u stadsnod -n 50'
  fail "version $version does not start: version $before runs again"
fi
# The one before stays, for --back.
for old in "$home"/versions/*; do
  case $(basename -- "$old") in
  "$version" | "$(version_of previous)" | '*') ;;
  *) run rm -rf "$old" ;;
  esac
done
[ "$dry" = yes ] && exit 0
if lives; then
  say "version $version runs: $(systemctl show --property=StatusText --value stadsnod.service)"
else
  say "version $version is installed; it starts with the machine"
fi
say 'next: /etc/stadsnod/gateway.yaml, then: stadsnod check /etc/stadsnod/gateway.yaml, systemctl reload stadsnod'

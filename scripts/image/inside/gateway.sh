# Node, the gateway and the machine's own files on top of Debian.

cp -r --no-preserve=mode,ownership "$here/root/." "$root"
chmod 0755 "$root"/usr/lib/stadsnod/*
mkdir -p "$root/opt/stadsnod"
cp -r --no-preserve=ownership /work/in/app/. "$root/opt/stadsnod"
chmod -R u=rwX,go=rX "$root/opt/stadsnod"
strip=strip
[ "$ARCH" = arm64 ] && strip=aarch64-linux-gnu-strip
"$strip" --strip-unneeded "$root/opt/stadsnod/bin/node"
find "$root/opt/stadsnod/node_modules" -name '*.node' -exec "$strip" --strip-unneeded {} +
install -d -m 0755 "$root/usr/local/bin"
ln -s /opt/stadsnod/bin/stadsnod "$root/usr/local/bin/stadsnod"

for unit in /work/in/units/*; do
  case $unit in
  *node-red*) case " $LAYERS " in *" node-red "*) ;; *) continue ;; esac ;;
  esac
  case $unit in
  *.rules) install -D -m 0644 -t "$root/usr/lib/udev/rules.d" "$unit" ;;
  *.service | *.timer | *.path | *.socket | *.target) install -D -m 0644 -t "$root/usr/lib/systemd/system" "$unit" ;;
  esac
done
cp -r --no-preserve=mode,ownership /work/in/etc/. "$root/etc"

systemd-sysusers --root="$root" 2>/dev/null
systemd-hwdb --root="$root" --usr update
for unit in systemd-networkd systemd-resolved systemd-timesyncd $ENABLE; do
  systemctl --root="$root" -q enable "$unit"
done
# Nobody can log in (no SSH, no console), so nobody is asked to; what writes to a root that is read-only has no work either;
# stadsnod-wifi runs wpa_supplicant itself, for the network that the card names.
for unit in getty@tty1.service serial-getty@.service getty.target console-getty.service apt-daily.timer apt-daily-upgrade.timer \
  dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-machine-id-commit.service \
  systemd-firstboot.service systemd-hibernate-clear.service systemd-pcrmachine.service systemd-tpm2-setup.service \
  systemd-tpm2-setup-early.service systemd-sysupdate.timer systemd-networkd-wait-online.service systemd-update-done.service systemd-journal-catalog-update.service \
  systemd-networkd-persistent-storage.service systemd-logind.service systemd-user-sessions.service ldconfig.service \
  systemd-sysext.socket systemd-hwdb-update.service remote-fs.target wpa_supplicant.service; do
  ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done

install -d "$root/etc/systemd/system/multi-user.target.wants"
ln -s /usr/lib/systemd/system/systemd-growfs@.service "$root/etc/systemd/system/multi-user.target.wants/systemd-growfs@data.service"

# The CAs that the whole system trusts: the package's own way of gathering them needs a running system.
find "$root/usr/share/ca-certificates" -name '*.crt' | sort | xargs cat >"$root/etc/ssl/certs/ca-certificates.crt"

# Who this machine is, it finds out itself: the initrd puts a machine id of the data partition here.
rm -rf "$root"/var/lib/dbus/machine-id "$root"/etc/ssh
: >"$root/etc/machine-id"
echo stadsnod >"$root/etc/hostname"
printf '127.0.0.1 localhost stadsnod\n::1 localhost ip6-localhost\n' >"$root/etc/hosts"
ln -sfn ../run/systemd/resolve/resolv.conf "$root/etc/resolv.conf"
rm -f "$root/etc/.pwd.lock" "$root/etc/localtime" "$root"/etc/*-
# The first boot sets it, on the data partition; until then it leads nowhere, which is UTC.
ln -s /data/system/localtime "$root/etc/localtime"
# Every account in shadow, and no password opens one.
days=$((SOURCE_DATE_EPOCH / 86400))
awk -F: -v OFS=: '{ $2 = "x" } 1' "$root/etc/passwd" >/scratch/passwd
awk -F: -v days="$days" '{ print $1 ":!*:" days "::::::" }' /scratch/passwd >/scratch/shadow
cat /scratch/passwd >"$root/etc/passwd"
install -m 0640 -g 42 /scratch/shadow "$root/etc/shadow"
cat /work/in/os-release >>"$root/usr/lib/os-release"

# No clock of a gateway may say that it is earlier than its software.
touch -d "@$SOURCE_DATE_EPOCH" "$root/usr/lib/clock-epoch"

install -D -m 0644 "$out/dpkg-status" "$root/usr/share/stadsnod/dpkg-status"
install -m 0644 "$out/sbom.cdx.json" "$root/usr/share/stadsnod/sbom.cdx.json"
# Nobody changes users here, so nothing needs more rights than who starts it; and nobody installs anything.
find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +
rm -rf "$root"/etc/apt "$root"/etc/dpkg "$root"/etc/cron.daily
# /var is made anew at every start.
rm -rf "$root"/var "$root"/dev "$root"/tmp "$root"/run "$root"/boot "$root"/home "$root"/scratch "$root"/usr/share/bash-completion
install -d -m 0755 "$root"/{var,dev,run,boot,boot/gw,data,home,etc/stadsnod,etc/systemd/network}
install -d -m 1777 "$root/tmp"
say "gateway: $(du -sm "$root/opt/stadsnod" | cut -f1) MB, whole root $(du -sm "$root" | cut -f1) MB"

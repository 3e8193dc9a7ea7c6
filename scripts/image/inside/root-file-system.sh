# Debian's packages, set up by maintainer scripts of this machine's own kind (chrootless): nothing of the
# image is ever run, so nothing is emulated.

mkdir -p "$extracted/deb"
cat >/scratch/fetch-extracted <<'X'
#!/bin/sh
# In the new system's apt configuration: packages that are unpacked rather than installed.
set -e
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
cd /scratch/extracted/deb
for package in $EXTRACT; do
  # A kernel's name without version only depends on the one of today.
  case $package in
  linux-image-*) package=$(apt-cache show "$package" | sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p' | head -n 1) ;;
  esac
  apt-get -q download "$package"
done
mkdir /scratch/lists
cp "$1"/var/lib/apt/lists/*_Packages* /scratch/lists
X
chmod +x /scratch/fetch-extracted
export EXTRACT

sources=()
while read -r line; do sources+=("$line"); done </work/in/sources

mmdebstrap --mode=chrootless --architectures="$ARCH" --variant=essential --include="$INCLUDE" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/lintian/*' \
  --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
  --customize-hook=/scratch/fetch-extracted \
  --format=directory "$SUITE" "$root" "${sources[@]}" >/scratch/mmdebstrap.log 2>&1 ||
  { tail -n 30 /scratch/mmdebstrap.log; exit 1; }
for package in "$extracted"/deb/*.deb; do
  dpkg-deb -x "$package" "$extracted"
done

# What is in the image, for lock and SBOM: of each package the name, version, architecture, source and the sum of its file.
cp "$root/var/lib/dpkg/status" "$out/dpkg-status"
for package in "$extracted"/deb/*.deb; do
  dpkg-deb -f "$package" Package Version Architecture Source
  echo
done >"$out/extracted-status"
for list in /scratch/lists/*; do
  /usr/lib/apt/apt-helper cat-file "$list"
done | awk 'NR == FNR { if (/^Package: /) p = $2; if (/^Version: /) wanted[p " " $2] = 1; next }
  /^Package: / { p = $2 } /^Version: / { v = $2 } /^SHA256: / { s = $2 }
  /^$/ { if ((p " " v) in wanted) print p, v, s }' <(cat "$out/dpkg-status" "$out/extracted-status") - |
  sort -u >"$out/sums"
# Licences as Debian's copyright files name them, where they are written for machines.
for file in "$root"/usr/share/doc/*/copyright "$extracted"/usr/share/doc/*/copyright; do
  package=$(basename "$(dirname "$file")")
  sed -n 's/^License: *\([^ ].*\)/\1/p' "$file" 2>/dev/null | sort -u | sed "s|^|$package\t|"
done >"$out/licences"
say "Debian: $(grep -c '^Package: ' "$out/dpkg-status") packages, $(du -sm "$root" | cut -f1) MB"

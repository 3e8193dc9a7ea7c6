# The kernel, and of its modules those that a gateway can need, with all that these need themselves.

release=$(ls "$extracted/usr/lib/modules")
from=$extracted/usr/lib/modules/$release
modules=$root/usr/lib/modules/$release
echo "$release" >"$out/kernel-release"
cp "$extracted/boot/vmlinuz-$release" "$out/vmlinuz"

depmod -b "$extracted/usr" "$release" 2>/dev/null || depmod -b "$extracted" "$release"
mkdir -p "$modules"
cp "$from"/modules.builtin* "$from/modules.order" "$modules"
grep -v '^#' "$here/modules.txt" | sed '/^$/d; s/^/^kernel\//' >/scratch/patterns
(cd "$from" && find kernel -name '*.ko*' | grep -E -f /scratch/patterns | sort) >/scratch/wanted

# Closed over modules.dep and the soft dependencies, until nothing is added: one that is left out fails in silence.
awk '
  FILENAME == ARGV[1] { sub(/:$/, "", $1); path = $1; needs[path] = ""; for (i = 2; i <= NF; i++) needs[path] = needs[path] " " $i
    name = path; sub(/.*\//, "", name); sub(/\.ko.*/, "", name); gsub(/-/, "_", name); file[name] = path; next }
  FILENAME == ARGV[2] { if ($1 == "softdep") { name = $2; gsub(/-/, "_", name)
    for (i = 3; i <= NF; i++) if ($i !~ /:$/) { other = $i; gsub(/-/, "_", other); soft[name] = soft[name] " " other } } next }
  { todo[++last] = $1 }
  END { for (at = 1; at <= last; at++) { path = todo[at]; if (path in kept) continue; kept[path] = 1; print path
    n = split(needs[path], list, " "); for (i = 1; i <= n; i++) todo[++last] = list[i]
    name = path; sub(/.*\//, "", name); sub(/\.ko.*/, "", name); gsub(/-/, "_", name)
    n = split(soft[name], list, " "); for (i = 1; i <= n; i++) if (list[i] in file) todo[++last] = file[list[i]] } }
' "$from/modules.dep" "$from/modules.softdep" /scratch/wanted | sort >/scratch/kept
(cd "$from" && cpio -pdm --quiet "$modules" </scratch/kept)
depmod -b "$root" "$release"
say "kernel $release: $(wc -l </scratch/kept) modules, $(du -sm "$modules" | cut -f1) MB"

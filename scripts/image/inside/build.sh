#!/bin/bash
# All steps of an image, in the tool root. /work/in holds what the build was given, /work/out what it made.
set -euo pipefail
umask 022
. /work/in/settings
here=/work/in/image
root=/scratch/root
extracted=/scratch/extracted
out=/work/out
say() { printf 'step %4d s  %s\n' "$SECONDS" "$*"; }
. "$here/inside/root-file-system.sh"
. "$here/inside/kernel.sh"
# The builder now compares what is here with its lock, and writes the bill of materials.
echo contents
read -r _
for step in gateway initrd file-systems disk; do
  . "$here/inside/$step.sh"
done

#!/bin/sh
# Packs the root $1 into a disk, a kernel and a first stage, and leaves them in the root's folder /mayfly-out, from where the image
# build takes them away. Run by mmdebstrap, as (possibly only its own user namespace's) root. The disk has room for $2 MiB.
set -eu
root=$1
mebibytes=$2
PATH=$PATH:/usr/sbin:/sbin

# A view of the root without what is mounted below it, and without what this script makes.
work=$(mktemp -d)
bare=$work/bare
mkdir "$bare"
mount --bind "$root" "$bare"

cp "$bare"/boot/vmlinuz-* "$work/vmlinuz"
mv "$bare/boot/mayfly-initrd.img" "$work/initrd.img"
cp "$bare/bin/busybox" "$work/busybox"
chroot "$root" busybox --list >"$work/applets"
truncate -s "${mebibytes}M" "$work/disk.raw"
# A journal is for machines that come back after a crash.
mkfs.ext4 -q -F -L root -m 0 -E lazy_itable_init=0,nodiscard -O '^has_journal,^metadata_csum' -d "$bare" "$work/disk.raw"
umount "$bare"
rmdir "$bare"
qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$work/disk.qcow2"
rm "$work/disk.raw"

mv "$work" "$root/mayfly-out"

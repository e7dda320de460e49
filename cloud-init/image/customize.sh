#!/bin/sh
# Turns a root of Debian packages into the guest of mayfly. Run by the image build on the build host, with the root as $1 and the
# folder of this file as $2. Nothing here may differ from build to build.
set -eu
root=$1
files=$2

# --- what a guest is told about itself comes from its seed, at first boot
: >"$root/etc/machine-id"
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/systemd/random-seed" "$root/var/lib/dbus/machine-id" "$root/etc/hostname"
rm -f "$root"/etc/cloud/cloud.cfg.d/*
cp "$files/cloud.cfg" "$root/etc/cloud/cloud.cfg"
cp "$files/cloud-init.service" "$root/etc/systemd/system/cloud-init.service"
chroot "$root" systemctl enable cloud-init.service
mkdir -p "$root/usr/local/lib/mayfly"
cp "$files"/*.py "$root/usr/local/lib/mayfly/"

# --- and one that never gets its seed ends itself
cp "$files/mayfly-unseeded.timer" "$files/mayfly-unseeded.service" "$root/etc/systemd/system/"
chroot "$root" systemctl enable mayfly-unseeded.timer

# --- one disk, one network card, one name server: QEMU's
cp "$files/fstab" "$root/etc/fstab"
rm -f "$root/etc/resolv.conf"
cp "$files/resolv.conf" "$root/etc/resolv.conf"
cp "$files/10-mayfly.network" "$root/etc/systemd/network/10-mayfly.network"
cp "$files/modprobe.conf" "$root/etc/modprobe.d/mayfly.conf"
cp "$files/modules.conf" "$root/etc/modules-load.d/mayfly.conf"
mkdir -p "$root/etc/systemd/system.conf.d"
cp "$files/system.conf" "$root/etc/systemd/system.conf.d/mayfly.conf"
mkdir -p "$root/etc/systemd/journald.conf.d"
cp "$files/journald.conf" "$root/etc/systemd/journald.conf.d/mayfly.conf"
chroot "$root" systemctl enable systemd-networkd.service

# --- nothing calls out by itself, nothing runs that no job needs
for unit in $(grep -v '^#' "$files/masked-units"); do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/etc/systemd/system-generators"
for generator in $(cat "$files/generators"); do
  ln -sf /dev/null "$root/etc/systemd/system-generators/$generator"
done
for unit in docker ssh systemd-udev-trigger; do
  mkdir -p "$root/etc/systemd/system/$unit.service.d"
  cp "$files/$unit.conf" "$root/etc/systemd/system/$unit.service.d/mayfly.conf"
done
cp "$files/mayfly-grow.service" "$root/etc/systemd/system/mayfly-grow.service"
chroot "$root" systemctl enable mayfly-grow.service
mkdir -p "$root/etc/containerd"
cp "$files/containerd.toml" "$root/etc/containerd/config.toml"
cp "$files/mayfly-bake.service" "$root/etc/systemd/system/mayfly-bake.service"
install -m 0755 "$files/mayfly-bake" "$root/usr/local/sbin/mayfly-bake"
chroot "$root" systemctl enable mayfly-bake.service
cp "$files/mayfly-wake.service" "$root/etc/systemd/system/mayfly-wake.service"
install -m 0755 "$files/mayfly-wake" "$root/usr/local/sbin/mayfly-wake"
chroot "$root" systemctl enable mayfly-wake.service

# --- a first stage that does one thing: mount the disk. Debian's own takes longer than the rest of the kernel's boot.
stage=$root/tmp/first-stage
kernel=$(ls "$root/usr/lib/modules" | head -n 1)
modules="$root/usr/lib/modules/$kernel/kernel"
rm -rf "$stage"
mkdir -p "$stage/bin" "$stage/dev" "$stage/proc" "$stage/root" "$stage/modules"
cp "$root/bin/busybox" "$stage/bin/busybox"
for module in virtio/virtio virtio/virtio_ring virtio/virtio_pci_legacy_dev virtio/virtio_pci_modern_dev virtio/virtio_pci block/virtio_blk; do
  cp "$modules/drivers/$module.ko" "$stage/modules/"
done
install -m 0755 "$files/first-stage" "$stage/init"
chroot "$root" sh -c 'cd /tmp/first-stage && find . | busybox cpio -o -H newc >/boot/mayfly-initrd.img' 2>/dev/null
rm -rf "$stage"

# --- smaller: what only a build or a reader of manuals needs
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
find "$root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name 'en*' ! -name locale.alias -exec rm -rf {} +
rm -f "$root"/boot/initrd.img-*

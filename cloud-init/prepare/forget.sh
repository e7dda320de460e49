# Runs as root on the machine that an image is to be made of, over its manager's connection: takes away all that makes it this one, so that
# every machine of the image begins as on a stock image, with what was installed. The connection that is open goes on to the end.
set -eu
# Packages may still come after the engine. 2 is cloud-init's word for warnings.
cloud-init status --wait >&2 || [ $? -eq 2 ]

# The engine's own identity, and whatever else it wrote at its first start.
systemctl stop docker.socket docker.service containerd.service
rm -rf /var/lib/docker/* /etc/docker/daemon.json /etc/docker/key.json

# Who was let in, with which rights, and what the machine proved itself by.
userdel --force --remove "$SUDO_USER" >&2
rm -rf /etc/sudoers.d/90-cloud-init-users /root/.ssh /root/.bash_history /home/*/.ssh
rm -f /etc/ssh/ssh_host_*

# What it was told at its first boot, its own private host key among it; the next boot is a first one again.
cloud-init clean --logs --seed >&2
rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init /etc/systemd/network/10-cloud-init*
rm -rf /var/lib/dhcp/* /var/lib/dhcpcd/* /var/lib/NetworkManager/*
echo localhost >/etc/hostname
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >/etc/hosts

# Made anew at a boot that finds it empty. "uninitialized" would have systemd enable units by their presets, too.
: >/etc/machine-id
[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
# Stopped before, or the shutdown would save another one for all machines of the image to share.
systemctl stop systemd-random-seed.service
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret

apt-get clean >&2
rm -rf /var/log/journal/*
find /var/log -type f -exec truncate --size 0 {} +
sync

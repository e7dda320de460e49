# Runs as root over that connection next: from here on the machine is the one whose id is the argument, and no other, whoever asks.
set -eu
# The link is made once; of two that ask at the same time, one finds it there.
if ! ln -sn "$1" /etc/mayfly-machine 2>/dev/null; then
  is=$(readlink /etc/mayfly-machine)
  [ "$is" = "$1" ] || { echo "it is machine $is already" >&2; exit 3; }
fi
# By its own name first, then under it: sudo looks it up.
printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n' "$1" >/etc/hosts
echo "$1" >/etc/hostname
echo "$1" >/proc/sys/kernel/hostname

# Runs as root once the manager knows the new host key. From here on the key in the seed is worth nothing.
set -eu
cd /etc/ssh/
mv -f ssh_host_ed25519_key.next.pub ssh_host_ed25519_key.pub
mv -f ssh_host_ed25519_key.next ssh_host_ed25519_key
# Connections that are open stay so.
systemctl reload ssh.service

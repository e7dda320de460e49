# Runs as root on a machine whose seed others can read, over its manager's first connection. Answers the public half of a new host key,
# whose private half never leaves the machine. Nothing shows it yet: the manager must know it first.
set -eu
cd /etc/ssh/
rm -f ssh_host_ed25519_key.next ssh_host_ed25519_key.next.pub
ssh-keygen -q -t ed25519 -N '' -C "$(uname -n)" -f ssh_host_ed25519_key.next
cat ssh_host_ed25519_key.next.pub

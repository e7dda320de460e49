#!/bin/sh
# What https://hub.docker.com/_/docker documents of the dind tags: certificates under DOCKER_TLS_CERTDIR unless that is empty,
# then an engine of the container's own on its socket and on 2376 (TLS) or 2375 (plain).
set -eu

# Issues $1/{key,cert,ca}.pem for the extensions that follow. EC keys: RSA takes minutes where the CPU is emulated.
issue() {
  issue_folder=$1
  shift
  mkdir -p "$issue_folder"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj "/CN=docker:dind ${issue_folder##*/}" \
    -CA "$DOCKER_TLS_CERTDIR/ca/cert.pem" -CAkey "$DOCKER_TLS_CERTDIR/ca/key.pem" \
    -keyout "$issue_folder/key.pem" -out "$issue_folder/cert.pem" -addext basicConstraints=critical,CA:FALSE "$@" 2>/dev/null
  cp "$DOCKER_TLS_CERTDIR/ca/cert.pem" "$issue_folder/ca.pem"
}

issue_certificates() {
  names="DNS:docker,DNS:localhost,DNS:$(hostname),IP:127.0.0.1,IP:::1"
  for address in $(hostname -i 2>/dev/null || :); do
    names="$names,IP:$address"
  done
  names="$names${DOCKER_TLS_SAN:+,$DOCKER_TLS_SAN}"

  if [ ! -s "$DOCKER_TLS_CERTDIR/ca/key.pem" ] || [ ! -s "$DOCKER_TLS_CERTDIR/ca/cert.pem" ]; then
    mkdir -p "$DOCKER_TLS_CERTDIR/ca"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj "/CN=docker:dind CA" \
      -keyout "$DOCKER_TLS_CERTDIR/ca/key.pem" -out "$DOCKER_TLS_CERTDIR/ca/cert.pem" 2>/dev/null
  fi
  # The server's every time: its addresses are new. The client's last: who waits for them may start when they are there.
  issue "$DOCKER_TLS_CERTDIR/server" -addext "subjectAltName=$names" -addext extendedKeyUsage=serverAuth
  if ! openssl verify -CAfile "$DOCKER_TLS_CERTDIR/ca/cert.pem" "$DOCKER_TLS_CERTDIR/client/cert.pem" >/dev/null 2>&1; then
    issue "$DOCKER_TLS_CERTDIR/client" -addext extendedKeyUsage=clientAuth
  fi
  # Jobs may run as any user.
  chmod 644 "$DOCKER_TLS_CERTDIR/client/key.pem"
}

is_mounted() {
  grep -q " $1 " /proc/mounts
}

mount_missing() {
  if [ -d /sys/kernel/security ] && ! is_mounted /sys/kernel/security; then
    mount -t securityfs none /sys/kernel/security || echo >&2 "Could not mount /sys/kernel/security; AppArmor is out of reach"
  fi
  is_mounted /tmp || mount -t tmpfs none /tmp
}

# A cgroup that has processes of its own cannot hand controllers to the containers' groups below it.
nest_cgroups() {
  [ -f /sys/fs/cgroup/cgroup.controllers ] || return 0
  mkdir -p /sys/fs/cgroup/init
  while read -r pid; do
    echo "$pid" > /sys/fs/cgroup/init/cgroup.procs 2>/dev/null || :
  done < /sys/fs/cgroup/cgroup.procs
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control || :
  done
}

choose_iptables() {
  if [ -n "${DOCKER_IPTABLES_LEGACY:-}" ] || ! iptables-nft -nL >/dev/null 2>&1; then
    mkdir -p /usr/local/sbin
    for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
      ln -sf /usr/sbin/xtables-legacy-multi "/usr/local/sbin/$name"
    done
  fi
}

# An engine gives up on the containerd that it starts itself after 15 s, which is not long where two emulated CPUs share a
# host; on one that is there it waits for a minute.
start_containerd() {
  run=/run/docker/containerd
  mkdir -p "$run"
  printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' > "$run/containerd.toml"
  containerd --config "$run/containerd.toml" --root /var/lib/docker/containerd/daemon --state "$run/daemon" --address "$run/containerd.sock" \
    --log-level warn &
  for _ in $(seq 600); do
    [ ! -S "$run/containerd.sock" ] || return 0
    sleep 0.2
  done
  echo >&2 "containerd has opened no socket within 2 min"
  return 1
}

if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
  if [ -n "${DOCKER_TLS_CERTDIR:-}" ]; then
    issue_certificates
    set -- --host=tcp://0.0.0.0:2376 --tlsverify --tlscacert "$DOCKER_TLS_CERTDIR/server/ca.pem" \
      --tlscert "$DOCKER_TLS_CERTDIR/server/cert.pem" --tlskey "$DOCKER_TLS_CERTDIR/server/key.pem" "$@"
  else
    set -- --host=tcp://0.0.0.0:2375 --tls=false "$@"
  fi
  set -- dockerd --host=unix:///var/run/docker.sock "$@"
fi

if [ "$1" != dockerd ]; then
  exec docker-entrypoint.sh "$@"
fi

# Left by an engine that was killed; the next one would take a stranger with that number for it.
find /run -name 'docker*.pid' -exec rm -f {} +
find /run -name 'containerd.pid' -exec rm -f {} +
export container=docker
mount_missing
nest_cgroups
choose_iptables
start_containerd
shift
exec docker-init -- dockerd --containerd=/run/docker/containerd/containerd.sock "$@"

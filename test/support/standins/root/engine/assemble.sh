below=/standins/trees/docker

keep_binary /usr/sbin/dockerd /usr/sbin/docker-proxy /usr/bin/containerd /usr/bin/containerd-shim-runc-v2 /usr/sbin/runc
keep /usr/bin/docker-init /usr/bin/tini-static
ln -s ../sbin/runc "$target/usr/bin/runc"

keep_binary /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi
keep /usr/lib/x86_64-linux-gnu/xtables
for family in iptables ip6tables; do
  for verb in "" -save -restore; do
    ln -s xtables-nft-multi "$target/usr/sbin/$family$verb"
    ln -s xtables-nft-multi "$target/usr/sbin/$family-nft$verb"
    ln -s xtables-legacy-multi "$target/usr/sbin/$family-legacy$verb"
  done
done

mkdir -p "$target/usr/local/bin" "$target/certs/client" "$target/var/lib/docker" "$target/etc/docker" "$target/lib/modules"
chmod 1777 "$target/certs" "$target/certs/client"
cp /standins/root/engine/dockerd-entrypoint.sh "$target/usr/local/bin/dockerd-entrypoint.sh"
chmod 755 "$target/usr/local/bin/dockerd-entrypoint.sh"

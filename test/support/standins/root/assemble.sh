#!/bin/busybox sh
# Runs in a tree of unpacked Debian packages and leaves one tar archive per layer in /standins/layers.
# Only what the images use is copied: a guest without KVM unpacks some 10 MB a second.
set -eu
PATH=/standins/tools:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /standins/tools /standins/layers
/bin/busybox --install -s /standins/tools

# The tree that is being assembled, and the one that lies below it in the image, or nothing.
target=
below=/nonexistent

# Copies files with their parent folders to the tree that is being assembled.
keep() {
  for path in "$@"; do
    mkdir -p "$target${path%/*}"
    cp -a "$path" "$target${path%/*}/"
  done
}

# Copies a program or library and every shared library that it loads.
keep_binary() {
  for path in "$@"; do
    keep "$path"
    /lib64/ld-linux-x86-64.so.2 --list "$path" | grep -o '/[^ ]*' | while read -r library; do
      [ -e "$target$library" ] || [ -e "$below$library" ] || cp_followed "$library"
    done
  done
}

# Libraries are symbolic links to versioned files; the loader needs the name alone.
cp_followed() {
  mkdir -p "$target${1%/*}"
  cp -L "$1" "$target$1"
}

keep_busybox() {
  keep /bin/busybox
  busybox --list-full | while read -r applet; do
    [ -e "$target/$applet" ] || [ -L "$target/$applet" ] && continue
    mkdir -p "$target/${applet%/*}"
    ln -s /bin/busybox "$target/$applet"
  done
}

begin() {
  target=/standins/trees/$1
  below=/nonexistent
  mkdir -p "$target"
}

# The folders and accounts that any program may expect.
lay_ground() {
  mkdir -p "$target/etc" "$target/proc" "$target/sys" "$target/dev" "$target/root" "$target/run" "$target/var/log" "$target/usr/bin" \
    "$target/usr/sbin" "$target/bin" "$target/sbin"
  mkdir -m 1777 "$target/tmp" "$target/var/tmp"
  ln -s /run "$target/var/run"
  keep /usr/lib/os-release
  ln -s ../usr/lib/os-release "$target/etc/os-release"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n' > "$target/etc/passwd"
  printf 'root:x:0:\ntty:x:5:\ndocker:x:998:\nnogroup:x:65534:\n' > "$target/etc/group"
  printf 'hosts: files dns\n' > "$target/etc/nsswitch.conf"
}

# Debian's tar by its path: the shell prefers its own, which cannot sort.
finish() {
  /bin/tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu \
    --file "/standins/layers/$1.tar" --directory "$target" .
}

# The engine last: it leaves out what the client's layer below it has.
for layer in busybox nginx docker engine; do
  begin "$layer"
  . "/standins/root/$layer/assemble.sh"
  finish "$layer"
done

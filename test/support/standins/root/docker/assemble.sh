python=python3.11
modules=/usr/lib/$python
packages=/usr/lib/python3/dist-packages

lay_ground
keep_binary /usr/bin/docker /usr/bin/openssl
keep /etc/ssl/openssl.cnf
mkdir -p "$target/usr/lib/ssl"
ln -s /etc/ssl/openssl.cnf "$target/usr/lib/ssl/openssl.cnf"

# docker-compose is Python. Compiled modules without their sources halve the size and start faster.
keep_binary /usr/bin/$python
ln -s $python "$target/usr/bin/python3"
keep "$modules" "$packages"
for unused in test lib2to3 idlelib pydoc_data ensurepip unittest tkinter turtledemo venv sqlite3 dbm config-3.11-x86_64-linux-gnu; do
  rm -rf "$target$modules/$unused"
done
rm -f "$target$modules"/lib-dynload/_codecs_*.so "$target$modules"/lib-dynload/_test*.so "$target$modules"/lib-dynload/_sqlite3*.so \
  "$target$modules"/lib-dynload/_dbm*.so "$target$modules"/lib-dynload/nis*.so
rm -rf "$target$packages"/*-info "$target$packages/pkg_resources"
/usr/bin/$python -m compileall -q -b --invalidation-mode unchecked-hash -s "$target" -p / "$target$modules" "$target$packages"
find "$target$modules" "$target$packages" -name '*.py' -exec rm {} +
find "$target$modules" "$target$packages" -name __pycache__ -prune -exec rm -r {} +
for extension in $(find "$modules" "$packages" -name '*.so'); do
  [ ! -e "$target$extension" ] || keep_binary "$extension"
done

mkdir -p "$target/usr/local/bin"
for script in docker-compose docker-entrypoint.sh; do
  cp "/standins/root/docker/$script" "$target/usr/local/bin/$script"
  chmod 755 "$target/usr/local/bin/$script"
done
keep_busybox

lay_ground
keep_binary /usr/sbin/nginx
keep /etc/nginx/mime.types
keep_busybox
printf 'nginx:x:101:101:nginx:/nonexistent:/bin/false\n' >> "$target/etc/passwd"
printf 'nginx:x:101:\n' >> "$target/etc/group"
mkdir -p "$target/etc/nginx/conf.d" "$target/usr/share/nginx/html" "$target/var/lib/nginx" "$target/var/log/nginx"
cp /standins/root/nginx/nginx.conf "$target/etc/nginx/nginx.conf"
cp /standins/root/nginx/default.conf "$target/etc/nginx/conf.d/default.conf"
cp /standins/root/nginx/index.html "$target/usr/share/nginx/html/index.html"
ln -s /dev/stdout "$target/var/log/nginx/access.log"
ln -s /dev/stderr "$target/var/log/nginx/error.log"

# Makes the manager's host ready: mayfly with a Node of its own beside it, its account, its unit. May be run again.
# Arguments: the package to install; the region when logs go to CloudWatch, else empty.
set -eu
package=$1
log_region=$2

id mayfly >/dev/null 2>&1 || useradd --system --home-dir /var/lib/mayfly --shell /usr/sbin/nologin mayfly
mkdir -p /opt/mayfly
# Debian's Node may be older than mayfly takes; the package named node brings the binary itself.
npm install --prefix /opt/mayfly --no-audit --no-fund node@24 "$package"
printf '#!/bin/sh\nexec /opt/mayfly/node_modules/.bin/node /opt/mayfly/node_modules/mayfly/dist/cli.js "$@"\n' >/usr/local/bin/mayfly
chmod 0755 /usr/local/bin/mayfly
systemctl daemon-reload
systemctl enable --now mayfly.service

if [ -n "$log_region" ]; then
  mkdir -p /var/log/mayfly
  deb=$(mktemp --suffix=.deb)
  # Amazon's own bucket of the region: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/download-CloudWatch-Agent-on-EC2-Instance-commandline-first.html
  curl --fail --silent --show-error --retry 5 --output "$deb" \
    "https://amazoncloudwatch-agent-$log_region.s3.$log_region.amazonaws.com/debian/amd64/latest/amazon-cloudwatch-agent.deb"
  dpkg --install "$deb"
  rm "$deb"
  systemctl enable --now mayfly-log.service
  /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:/etc/mayfly/cloudwatch.json
fi
